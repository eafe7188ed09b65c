"""The app leaks threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from crashy.faults.base import Fault, FaultError
from crashy.faults.effects import Machine, ProcessEffect
from crashy.faults.kinds.memory import MemoryGrowth
from crashy.faults.probed import PASSES, Probed
from crashy.faults.scope import DefaultTarget
from crashy.fields import param
from crashy.fields.sizes import OrShare, Share
from crashy.fields.values import Integer, show

MOST = 10_000
THREAD_BYTES = 16 << 10
"""Bytes of memory that a thread that waits holds (Linux, Python 3.11)."""


class ThreadLeak(ProcessEffect):
    """The process has so many threads, or a share of what its container's limit of processes allows."""

    def __init__(self, to: int | Share, rate: int | None) -> None:
        self.to = to
        self.rate = rate

    def target(self, limit: int | None) -> int | None:
        """Return the number that it has in the end under a limit; None for a share of none."""
        if isinstance(self.to, Share):
            return None if limit is None else int(self.to.of(limit))
        return self.to

    def check(self, machine: Callable[[], Machine]) -> None:
        """Raise FaultError for a share of no limit, and for more than the container and the machine can have."""
        target = self.target(machine().threads_limit)
        if target is None:
            why = "the container has no limit of processes: use a number such as 100"
            raise FaultError("to", f"{show(str(self.to))}: {why}")
        most = min(MOST, machine().threads_ceiling)
        if target > most:
            raise FaultError("to", f"{target}: at most {most} here, so that other processes keep a tenth of the limit")
        MemoryGrowth(target * THREAD_BYTES, None).check(machine)


class Threads(Fault):
    """Leak threads up to a number: each waits for nothing and holds some memory and a place among the processes."""

    target: ClassVar[DefaultTarget] = "everything"
    rank: ClassVar[int] = 0
    examples: ClassVar[tuple[str, ...]] = (
        "threads",
        "threads to=500 rate=10 for=1m",
        "threads to=50% after=30s",
        "threads to=200 routes=/report times=1",
    )
    probed: ClassVar[Mapping[str, Probed]] = {"threads": PASSES}

    to: int | Share = param(
        OrShare(Integer(1, MOST, "a number of threads"), 90),
        "how many the process has in the end; a share is of its container's limit of processes (pids.max)",
        default=100,
    )
    rate: int | None = param(Integer(1, MOST, "a number"), "start so many a second; by default as fast as it can")

    def process_effect(self) -> ProcessEffect:
        """Return the leak."""
        return ThreadLeak(self.to, self.rate)
