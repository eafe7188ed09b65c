"""The app leaks file descriptors, until it has none left for connections."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from crashy.faults.base import Fault, FaultError
from crashy.faults.effects import Machine, ProcessEffect
from crashy.faults.probed import AWAITING, PASSES, UNREACHABLE, Probed
from crashy.faults.scope import DefaultTarget
from crashy.fields import param
from crashy.fields.sizes import OrShare, Share
from crashy.fields.values import Integer

MOST = 65_536
"""Descriptors that a process may have open by this fault, however high its limit is."""
KEPT = 16
"""Descriptors below the limit that are left to the admin API, the log and the state files."""


class FdLeak(ProcessEffect):
    """The process has so many file descriptors open, or a share of its limit.

    With all of them open it takes no more connections: they wait in the kernel's queue.
    """

    def __init__(self, to: int | Share, rate: int | None) -> None:
        self.to = to
        self.rate = rate

    def target(self, limit: int) -> int:
        """Return the number that are open in the end, where the process may open so many."""
        return int(self.to.of(min(limit, MOST))) if isinstance(self.to, Share) else self.to

    def exhausts(self, limit: int) -> bool:
        """Return whether that leaves none for connections."""
        return self.target(limit) > min(limit, MOST) - KEPT

    def check(self, machine: Callable[[], Machine]) -> None:
        """Raise FaultError for more than the process may open."""
        most = min(machine().fds_limit, MOST)
        if self.target(most) > most:
            raise FaultError("to", f"{self.to}: at most {most} here, as many as the process may open")


class Fds(Fault):
    """Leak file descriptors up to a number, or until the app has none left to take connections with."""

    target: ClassVar[DefaultTarget] = "everything"
    rank: ClassVar[int] = 0
    instead: ClassVar[str] = "freeze mode=stop"
    examples: ClassVar[tuple[str, ...]] = (
        "fds",
        "fds to=90% for=1m",
        "fds to=500 rate=10",
        "fds routes=/report times=1 for=10s",
    )
    probed: ClassVar[Mapping[str, Probed]] = {
        "fds": Probed(http=AWAITING, grpc=UNREACHABLE),
        "fds to=90%": PASSES,
    }

    to: int | Share = param(
        OrShare(Integer(1, MOST, "a number of descriptors"), 100),
        f"how many are open in the end; a share is of the limit (RLIMIT_NOFILE, or {MOST} where that is higher)",
        default=Share(100.0),
    )
    rate: int | None = param(Integer(1, MOST, "a number"), "open so many a second; by default as fast as it can")

    def process_effect(self) -> ProcessEffect:
        """Return the leak."""
        return FdLeak(self.to, self.rate)
