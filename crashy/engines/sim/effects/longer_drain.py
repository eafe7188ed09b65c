"""The drain takes longer."""

from __future__ import annotations

from collections.abc import Callable

from crashy.engines.sim.effects import ModelledProcess
from crashy.faults.kinds.slow_drain import LongerDrain


def begin(process: ModelledProcess, effect: LongerDrain, _until: float | None) -> Callable[[], None]:
    """Let it take longer; what is returned lets it end in its own time."""
    process.longer.append(effect.by)
    return lambda: process.longer.remove(effect.by)
