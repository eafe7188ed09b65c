"""A connection is closed late."""

from __future__ import annotations

from typing import ClassVar

from crashy.server.toxiproxy.toxics.paced import Paced, Piece


class Toxic(Paced):
    """Pass on the connection's end `delay` ms later."""

    takes: ClassVar[tuple[str, ...]] = ("delay",)

    def due(self, piece: Piece, left: float) -> float:
        """Return when a piece leaves, or the end does."""
        return piece.came + (self.values["delay"] / 1000 if piece.data is None else 0.0)
