"""What toxics of time have in common: data waits in a queue, and each piece leaves it at its own time."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from crashy.server.toxiproxy.toxics import Stage, Timer, Way


class Piece(NamedTuple):
    """A piece of data, or an end (`data` is None), and when it came."""

    came: float
    data: bytes | None
    whole: bool = False


class Paced(Stage):
    """Holds data back, in order; times are in seconds, on the clock of its timers."""

    def __init__(self, way: Way, values: Mapping[str, int]) -> None:
        super().__init__(way, values)
        self._queue: deque[Piece] = deque()
        self._left = -math.inf  # when the last piece was due
        self._due: float | None = None  # when the first piece of the queue is
        self._timer: Timer | None = None

    def pieces(self, data: bytes) -> Iterable[bytes]:
        """Cut data into the pieces that leave one by one."""
        return (data,)

    def due(self, piece: Piece, left: float) -> float | None:
        """Return when a piece leaves, if the one before was due at `left`; None means never."""
        return piece.came

    def data(self, data: bytes) -> None:
        """Take data."""
        now = self.way.timers.time()
        self._queue.extend(Piece(now, piece) for piece in self.pieces(data))
        self.held += len(data)
        self._move()

    def end(self, *, whole: bool = False) -> None:
        """Take no more."""
        self._queue.append(Piece(self.way.timers.time(), None, whole))
        self._move()

    def change(self, values: Mapping[str, int]) -> None:
        """Act by these attributes, on what waits too."""
        super().change(values)
        self._due = None
        self._move()

    def leave(self) -> None:
        """Pass on what waits."""
        self._stop()
        while self._queue:
            self._pass_on()
        self.way.moved()

    def _move(self) -> None:
        self._stop()
        now = self.way.timers.time()
        while self._queue:
            if self._due is None:
                self._due = self.due(self._queue[0], self._left)
            if self._due is None:
                break
            if self._due > now:
                self._timer = self.way.timers.call_at(self._due, self._move)
                break
            self._left = self._due
            self._pass_on()
        self.way.moved()

    def _pass_on(self) -> None:
        piece = self._queue.popleft()
        self._due = None
        if piece.data is None:
            self.next.end(whole=piece.whole)
        else:
            self.held -= len(piece.data)
            self.next.data(piece.data)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
