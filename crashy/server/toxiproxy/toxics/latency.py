"""Data comes later."""

from __future__ import annotations

from typing import ClassVar

from crashy.server.toxiproxy.toxics.paced import Paced, Piece


class Toxic(Paced):
    """Delay data by `latency` ± `jitter` ms; it stays in order, and its end is not delayed."""

    takes: ClassVar[tuple[str, ...]] = ("latency", "jitter")
    holds: ClassVar[int] = 32 << 20  # what comes within a long delay at a high rate

    def due(self, piece: Piece, left: float) -> float:
        """Return when a piece leaves."""
        if piece.data is None:
            return piece.came
        jitter = self.values["jitter"]
        drawn = self.way.rng.uniform(-jitter, jitter) if jitter > 0 else 0.0
        return piece.came + max(0.0, self.values["latency"] + drawn) / 1000
