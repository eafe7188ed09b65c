"""Data is lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from crashy.server.toxiproxy.toxics import Stage, Timer, Way


class Toxic(Stage):
    """Drop all data, and close the connection once none has come for `timeout` ms; at 0 it stays open."""

    takes: ClassVar[tuple[str, ...]] = ("timeout",)
    ends_connections: ClassVar[bool] = True

    def __init__(self, way: Way, values: Mapping[str, int]) -> None:
        super().__init__(way, values)
        self._timer: Timer | None = None

    def begin(self) -> None:
        """Begin to wait."""
        self.leave()
        if timeout := self.values["timeout"]:
            timers = self.way.timers
            self._timer = timers.call_at(timers.time() + timeout / 1000, lambda: self.end(whole=True))

    def data(self, data: bytes) -> None:
        """Drop data, and wait anew."""
        self.begin()

    def end(self, *, whole: bool = False) -> None:
        """Take no more."""
        self.leave()
        self.next.end(whole=whole)

    def change(self, values: Mapping[str, int]) -> None:
        """Wait anew."""
        super().change(values)
        self.begin()

    def leave(self) -> None:
        """Wait no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
