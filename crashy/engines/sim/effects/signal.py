"""The process dies of a signal."""

from __future__ import annotations

from crashy.engines.sim.effects import ModelledProcess
from crashy.faults.effects import Signal


def begin(process: ModelledProcess, effect: Signal, _until: float | None) -> None:
    """End the process with the exit code that a container's runtime reports."""
    process.end(128 + effect.number, effect.message)
