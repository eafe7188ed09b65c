"""The app writes more and more lines to its log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.base import Fault, FaultError
from crashy.faults.effects import ProcessEffect
from crashy.faults.probed import PASSES, Probed
from crashy.faults.scope import DefaultTarget
from crashy.fields import param
from crashy.fields.values import Integer

MOST = 8 << 20
"""Bytes a second."""


class LogLines(ProcessEffect):
    """The process writes so many lines a second to its log, each of so many bytes."""

    stores: ClassVar[bool] = True

    def __init__(self, rate: int, size: int) -> None:
        self.rate = rate
        self.size = size


class LogFlood(Fault):
    """Flood the log: write so many lines a second to standard output, as fast as whoever reads it takes them.

    `rate` and `size` together are at most 8Mi a second.
    """

    target: ClassVar[DefaultTarget] = "everything"
    rank: ClassVar[int] = 0
    examples: ClassVar[tuple[str, ...]] = (
        "log-flood",
        "log-flood rate=10000 for=1m",
        "log-flood rate=100 size=8192 after=30s",
        "log-flood routes=/report times=1 for=10s",
    )
    probed: ClassVar[Mapping[str, Probed]] = {"log-flood": PASSES}

    rate: int = param(Integer(1, 100_000, "a number of lines"), "write so many lines a second", default=1000)
    size: int = param(Integer(100, 16_384, "a number of bytes"), "make each line so long", default=200)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rate * self.size > MOST:
            most = f"at most {MOST // self.size} a second, which is 8Mi"
            raise FaultError("rate", f"{self.rate} lines of {self.size} bytes: {most}")

    def process_effect(self) -> ProcessEffect:
        """Return the lines."""
        return LogLines(self.rate, self.size)
