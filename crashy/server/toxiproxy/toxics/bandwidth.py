"""A connection has less bandwidth."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from crashy.server.toxiproxy.toxics.paced import Paced, Piece

_STEP = 0.1  # seconds from one piece to the next, at most


class Toxic(Paced):
    """Pass on at most `rate` KB (1,000 bytes) a second; at 0 nothing passes."""

    takes: ClassVar[tuple[str, ...]] = ("rate",)

    def pieces(self, data: bytes) -> Iterable[bytes]:
        """Cut data into what passes in a tenth of a second."""
        size = max(1, int(self.values["rate"] * 1000 * _STEP))
        return (data[at : at + size] for at in range(0, len(data), size)) if size < len(data) else (data,)

    def due(self, piece: Piece, left: float) -> float | None:
        """Return when a piece leaves: once the time that it takes has passed since the one before."""
        if piece.data is None:
            return piece.came
        rate = self.values["rate"] * 1000
        return max(piece.came, left) + len(piece.data) / rate if rate else None
