"""The process ends with an exit code."""

from __future__ import annotations

from crashy.engines.sim.effects import ModelledProcess
from crashy.faults.effects import Exit


def begin(process: ModelledProcess, effect: Exit, _until: float | None) -> None:
    """End the process."""
    process.end(effect.code, effect.message)
