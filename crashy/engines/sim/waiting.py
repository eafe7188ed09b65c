"""Waiting for a change, or for a time, without a task of one's own."""

from __future__ import annotations

import asyncio
import math


class Notifier:
    """Wakes all waiting tasks at each notification; each checks its own condition."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[asyncio.Future[None], None] = {}

    def notify(self) -> None:
        """Wake all, in the order in which they waited."""
        for waiting in self._waiting:
            _wake(waiting)

    async def wait(self, deadline: float) -> None:
        """Wait until it is notified, or until the deadline (inf for none)."""
        woken: asyncio.Future[None] = self._loop.create_future()
        self._waiting[woken] = None
        timer = None if deadline == math.inf else self._loop.call_at(deadline, _wake, woken)
        try:
            await woken
        finally:
            del self._waiting[woken]
            if timer:
                timer.cancel()


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
