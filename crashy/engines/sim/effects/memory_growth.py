"""The process's memory grows, until the kernel kills it where the container has a limit that it reaches."""

from __future__ import annotations

from collections.abc import Callable

from crashy.engines.sim.effects import ModelledProcess
from crashy.engines.sim.process import OOM_KILLED
from crashy.faults.kinds.memory import MemoryGrowth


def begin(process: ModelledProcess, effect: MemoryGrowth, _until: float | None) -> Callable[[], None]:
    """Grow; what is returned gives the memory back."""
    growing = [effect]
    seconds = effect.kills_after(process.limits.memory, process.memory)
    if seconds is not None:
        kernel = process.kernel
        kernel.call_at(kernel.now() + seconds, lambda: kernel.exit(*OOM_KILLED) if growing else None)
    return growing.clear
