"""The process has more and more threads: what is noticed of them is the memory that they hold."""

from __future__ import annotations

from collections.abc import Callable

from crashy.engines.sim.effects import ModelledProcess, memory_growth
from crashy.faults.kinds.memory import MemoryGrowth
from crashy.faults.kinds.threads import THREAD_BYTES, ThreadLeak


def begin(process: ModelledProcess, effect: ThreadLeak, _until: float | None) -> Callable[[], None]:
    """Grow by what the threads hold; what is returned gives it back."""
    held, rate = process.memory + (effect.target(None) or 0) * THREAD_BYTES, effect.rate and effect.rate * THREAD_BYTES
    return memory_growth.begin(process, MemoryGrowth(held, rate), None)
