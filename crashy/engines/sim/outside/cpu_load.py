"""Processes beside the container's burn CPU under its limit."""

from __future__ import annotations

from collections.abc import Callable

from crashy.engines.sim.effects import cpu_load
from crashy.engines.sim.outside import Process
from crashy.faults.kinds.cpu import CpuLoad


def begin(process: Process, effect: CpuLoad, until: float | None) -> Callable[[], None] | None:
    """Burn, as processes of its own would."""
    return cpu_load.begin(process.life.process, effect, until) if process.life else None
