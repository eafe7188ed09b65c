"""The app starts processes and doesn't wait for their end: zombies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from crashy.faults.base import Fault, FaultError
from crashy.faults.effects import Machine, ProcessEffect
from crashy.faults.probed import PASSES, Probed
from crashy.faults.scope import DefaultTarget
from crashy.fields import param
from crashy.fields.values import Integer

MOST = 5000


class Zombies(ProcessEffect):
    """The process has so many children that have ended and that it didn't wait for."""

    not_on_sim: ClassVar[str] = "a modelled container has one process, and no table of processes that fills"

    def __init__(self, to: int, rate: int | None) -> None:
        self.to = to
        self.rate = rate

    def check(self, machine: Callable[[], Machine]) -> None:
        """Raise FaultError for more than the container and the machine can have."""
        most = max(0, min(MOST, machine().threads_ceiling))
        if self.to > most:
            raise FaultError("to", f"{self.to}: at most {most} here, so that other processes keep a tenth of the limit")


class ForkZombies(Fault):
    """Start processes that end at once, and leave them as zombies, each of which takes a place among the processes.

    They are waited for when the fault ends. The limits are those of `threads`: the kernel counts them alike.
    """

    target: ClassVar[DefaultTarget] = "everything"
    rank: ClassVar[int] = 0
    examples: ClassVar[tuple[str, ...]] = (
        "fork-zombies",
        "fork-zombies to=500 rate=10 for=5m",
        "fork-zombies to=20 after=30s",
        "fork-zombies to=50 routes=/report times=1",
    )
    probed: ClassVar[Mapping[str, Probed]] = {"fork-zombies": PASSES}

    to: int = param(Integer(1, MOST, "a number of processes"), "how many there are in the end", default=100)
    rate: int | None = param(Integer(1, MOST, "a number"), "start so many a second; by default as fast as it can")

    def process_effect(self) -> ProcessEffect:
        """Return them."""
        return Zombies(self.to, self.rate)
