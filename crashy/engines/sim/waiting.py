"""Waiting for a change, or for a time, without a task of one's own."""

from __future__ import annotations

import asyncio
import math


class Bell:
    """Wakes all who wait for it whenever it is rung; they look for themselves whether that was for them."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[asyncio.Future[None], None] = {}

    def ring(self) -> None:
        """Wake all, in the order in which they came."""
        for waiting in self._waiting:
            _wake(waiting)

    async def heard(self, deadline: float) -> None:
        """Wait until it is rung, or until the deadline (inf for none)."""
        rung: asyncio.Future[None] = self._loop.create_future()
        self._waiting[rung] = None
        timer = None if deadline == math.inf else self._loop.call_at(deadline, _wake, rung)
        try:
            await rung
        finally:
            del self._waiting[rung]
            if timer:
                timer.cancel()


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
