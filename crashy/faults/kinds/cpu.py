"""The app's container burns CPU, in processes beside the app."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from crashy.faults.base import Fault, FaultError
from crashy.faults.effects import Machine, ProcessEffect
from crashy.faults.probed import PASSES, Probed
from crashy.faults.scope import DefaultTarget
from crashy.fields import param
from crashy.fields.sizes import Percent, Share
from crashy.fields.values import Integer


class CpuLoad(ProcessEffect):
    """Processes of the container burn a share of a core each."""

    outside: ClassVar[bool] = True

    def __init__(self, cores: int, share: Share) -> None:
        self.cores = cores
        self.share = share

    def check(self, machine: Callable[[], Machine]) -> None:
        """Raise FaultError for more cores than the process may use."""
        most = machine().cores
        if self.cores > most:
            raise FaultError("cores", f"{self.cores}: at most {most} here, as many as the process may use")


class Cpu(Fault):
    """Burn CPU in processes beside the app, which leaves it what the container's limit allows to all of them."""

    target: ClassVar[DefaultTarget] = "everything"
    rank: ClassVar[int] = 0
    examples: ClassVar[tuple[str, ...]] = (
        "cpu",
        "cpu cores=2 share=50% for=1m",
        "cpu after=30s for=20s",
        "cpu routes=/report times=1 for=10s",
    )
    probed: ClassVar[Mapping[str, Probed]] = {
        "cpu share=10%": PASSES,
    }

    cores: int = param(
        Integer(1, 1024, "a number of processes"), "burn so many cores, each in a process of its own", default=1
    )
    share: Share = param(Percent(100), "burn so much of each core", default=Share(100.0))

    def process_effect(self) -> ProcessEffect:
        """Return the load."""
        return CpuLoad(self.cores, self.share)
