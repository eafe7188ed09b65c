"""The app leaks asyncio tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from crashy.faults.base import Fault
from crashy.faults.effects import Machine, ProcessEffect
from crashy.faults.kinds.memory import MemoryGrowth
from crashy.faults.probed import PASSES, Probed
from crashy.faults.scope import DefaultTarget
from crashy.fields import param
from crashy.fields.values import Integer

MOST = 100_000
TASK_BYTES = 1 << 10
"""Bytes of memory that a task that waits holds (Linux, Python 3.11)."""


class TaskLeak(ProcessEffect):
    """So many more asyncio tasks wait on the event loop."""

    def __init__(self, to: int, rate: int | None) -> None:
        self.to = to
        self.rate = rate

    def check(self, machine: Callable[[], Machine]) -> None:
        """Raise FaultError where there isn't memory enough for them."""
        MemoryGrowth(self.to * TASK_BYTES, None).check(machine)


class Tasks(Fault):
    """Leak asyncio tasks on the app's event loop up to a number: none of them ever ends, and each holds some memory."""

    target: ClassVar[DefaultTarget] = "everything"
    rank: ClassVar[int] = 0
    examples: ClassVar[tuple[str, ...]] = (
        "tasks",
        "tasks to=20000 rate=1000",
        "tasks to=5000 after=30s for=1m",
        "tasks routes=/report every=10",
    )
    probed: ClassVar[Mapping[str, Probed]] = {"tasks": PASSES}

    to: int = param(Integer(1, MOST, "a number of tasks"), "how many wait in the end", default=1000)
    rate: int | None = param(Integer(1, MOST, "a number"), "start so many a second; by default as fast as it can")

    def process_effect(self) -> ProcessEffect:
        """Return the leak."""
        return TaskLeak(self.to, self.rate)
