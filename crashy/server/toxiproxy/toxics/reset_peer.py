"""Connections are reset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from crashy.server.toxiproxy.toxics import Stage, Timer, Way


class Toxic(Stage):
    """Reset the connection (RST) `timeout` ms after the first data, or its end, has come; drop what comes."""

    takes: ClassVar[tuple[str, ...]] = ("timeout",)

    def __init__(self, way: Way, values: Mapping[str, int]) -> None:
        super().__init__(way, values)
        self._timer: Timer | None = None

    def data(self, data: bytes) -> None:
        """Drop data."""
        self._wait()

    def end(self, *, whole: bool = False) -> None:
        """Take no more."""
        self._wait()

    def _wait(self) -> None:
        if self._timer is None:
            timers = self.way.timers
            self._timer = timers.call_at(timers.time() + self.values["timeout"] / 1000, self.way.reset)
