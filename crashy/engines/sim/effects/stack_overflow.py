"""The process dies of a stack that has overflowed."""

from __future__ import annotations

from crashy.engines.sim.effects import ModelledProcess
from crashy.faults.kinds.crash import StackOverflow


def begin(process: ModelledProcess, effect: StackOverflow, _until: float | None) -> None:
    """End the process with the exit code that a container's runtime reports."""
    process.end(effect.code, effect.message)
