"""The app's memory grows: up to a size, or until the kernel kills it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import ClassVar

from crashy.faults.base import Fault, FaultError
from crashy.faults.effects import Machine, ProcessEffect
from crashy.faults.probed import PASSES, Probed
from crashy.faults.scope import DefaultTarget
from crashy.fields import param
from crashy.fields.sizes import OrShare, Share, Size, format_size
from crashy.fields.values import show

_MIB = 1 << 20


class MemoryGrowth(ProcessEffect):
    """The process's memory grows to a size, or to a share of its container's limit.

    It grows by `rate` bytes a second; without, as fast as it can.
    """

    outside: ClassVar[bool] = True

    def __init__(self, to: int | Share, rate: int | None) -> None:
        self.to = to
        self.rate = rate

    def target(self, limit: int | None) -> int | None:
        """Return the bytes that it grows to under a limit; None for a share of none."""
        if isinstance(self.to, Share):
            return None if limit is None else int(self.to.of(limit))
        return self.to

    def kills_after(self, limit: int | None, held: int) -> float | None:
        """Return the seconds after which the limit is used up, if the process held so much; None if it never is."""
        target = self.target(limit)
        if limit is None or target is None or max(target, held) < limit:
            return None
        return max(0, limit - held) / (self.rate or math.inf)

    def check(self, machine: Callable[[], Machine]) -> None:
        """Raise FaultError for a share of no limit, and for more than is left, unless the limit comes first."""
        limit, ceiling = machine().memory_limit, machine().memory_ceiling
        target = self.target(limit)
        if target is None:
            raise FaultError("to", f"{show(str(self.to))}: the container has no memory limit: use a size such as 300Mi")
        if min(target, limit or target) > ceiling:
            most = format_size(max(0, ceiling) // _MIB * _MIB)
            raise FaultError("to", f"'{format_size(target)}': at most {most} here, so that the machine keeps a tenth")


class Memory(Fault):
    """Let the memory grow to a size and keep it, until the fault ends, or until the kernel kills the container."""

    target: ClassVar[DefaultTarget] = "everything"
    rank: ClassVar[int] = 0
    examples: ClassVar[tuple[str, ...]] = (
        "memory to=300Mi",
        "memory to=90% for=1m",
        "memory to=100% rate=10Mi after=30s",
        "memory to=200Mi routes=/report times=1",
    )
    probed: ClassVar[Mapping[str, Probed]] = {
        "memory to=60Mi": PASSES,
        "memory to=100%": Probed(exits=137),
    }

    to: int | Share = param(
        OrShare(Size(), 200),
        "the size of the process's own (anonymous) memory; a share is of its container's limit, and from 100% on it "
        "ends in an OOM kill",
        default=Share(100.0),
    )
    rate: int | None = param(Size(), "grow by so much a second; by default as fast as it can")

    def process_effect(self) -> ProcessEffect:
        """Return the growth."""
        return MemoryGrowth(self.to, self.rate)
