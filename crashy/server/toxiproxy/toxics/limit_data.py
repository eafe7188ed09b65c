"""A connection passes only so much."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from crashy.server.toxiproxy.toxics import Stage, Way


class Toxic(Stage):
    """Close the connection once `bytes` bytes have passed."""

    takes: ClassVar[tuple[str, ...]] = ("bytes",)

    def __init__(self, way: Way, values: Mapping[str, int]) -> None:
        super().__init__(way, values)
        self._passed = 0
        self._ended = False

    def data(self, data: bytes) -> None:
        """Pass on what may still pass."""
        if self._ended:
            return
        data = data[: max(0, self.values["bytes"] - self._passed)]
        self._passed += len(data)
        if data:
            self.next.data(data)
        if self._passed >= self.values["bytes"]:
            self.end(whole=True)

    def end(self, *, whole: bool = False) -> None:
        """Take no more."""
        if not self._ended:
            self._ended = True
            self.next.end(whole=whole)
