"""Processes beside this one burn CPU: its own work takes longer under its container's limit."""

from __future__ import annotations

from collections.abc import Callable

from crashy.engines.sim.effects import ModelledProcess
from crashy.faults.kinds.cpu import CpuLoad


def begin(process: ModelledProcess, effect: CpuLoad, _until: float | None) -> Callable[[], None]:
    """Burn; what is returned ends it."""
    load = effect.share.of(1)
    process.loads += [load] * effect.cores

    def end() -> None:
        for _ in range(effect.cores):
            process.loads.remove(load)

    return end
