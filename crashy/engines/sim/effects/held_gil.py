"""No thread of the process runs."""

from __future__ import annotations

from crashy.engines.sim.effects import ModelledProcess
from crashy.faults.kinds.freeze import HeldGil


def begin(process: ModelledProcess, _effect: HeldGil, until: float) -> None:
    """Let nothing run until then; the kernel takes connections, and commands beside the process run."""
    process.stopped_until = max(process.stopped_until, until)
