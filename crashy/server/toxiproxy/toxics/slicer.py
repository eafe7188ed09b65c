"""Data comes in small pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from crashy.server.toxiproxy.toxics.paced import Paced, Piece


class Toxic(Paced):
    """Cut data into pieces of `average_size` ± `size_variation` bytes, each `delay` µs after the one before."""

    takes: ClassVar[tuple[str, ...]] = ("average_size", "size_variation", "delay")
    positive: ClassVar[tuple[str, ...]] = ("average_size",)

    def pieces(self, data: bytes) -> Iterable[bytes]:
        """Cut data into pieces."""
        at = 0
        for size in self._sizes(len(data)):
            yield data[at : at + size]
            at += size

    def _sizes(self, total: int) -> Iterator[int]:
        average = self.values["average_size"]
        variation = min(self.values["size_variation"], average - 1)
        while total > average + variation:
            size = average + (self.way.rng.randint(-variation, variation) if variation else 0)
            yield size
            total -= size
        if total:
            yield total

    def due(self, piece: Piece, left: float) -> float:
        """Return when a piece leaves."""
        if piece.data is None:
            return piece.came
        return max(piece.came, left + self.values["delay"] / 1e6)
