"""The event loop has more and more tasks: what is noticed of them is the memory that they hold."""

from __future__ import annotations

from collections.abc import Callable

from crashy.engines.sim.effects import ModelledProcess, memory_growth
from crashy.faults.kinds.memory import MemoryGrowth
from crashy.faults.kinds.tasks import TASK_BYTES, TaskLeak


def begin(process: ModelledProcess, effect: TaskLeak, _until: float | None) -> Callable[[], None]:
    """Grow by what the tasks hold; what is returned gives it back."""
    held, rate = process.memory + effect.to * TASK_BYTES, effect.rate and effect.rate * TASK_BYTES
    return memory_growth.begin(process, MemoryGrowth(held, rate), None)
