"""The whole process is stopped."""

from __future__ import annotations

from crashy.engines.sim.effects import ModelledProcess
from crashy.faults.effects import Stop


def begin(process: ModelledProcess, _effect: Stop, until: float) -> None:
    """Stop the process until then."""
    process.stopped_until = max(process.stopped_until, until)
