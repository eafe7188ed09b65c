"""A process beside the container's holds memory under its limit."""

from __future__ import annotations

from collections.abc import Callable

from crashy.engines.sim.effects import memory_growth
from crashy.engines.sim.outside import Process
from crashy.faults.kinds.memory import MemoryGrowth


def begin(process: Process, effect: MemoryGrowth, until: float | None) -> Callable[[], None] | None:
    """Hold it, as the container's own process would."""
    return memory_growth.begin(process.life.process, effect, until) if process.life else None
