"""What an end has read and nobody has taken yet."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, Literal, TypeVar

from crashy.traffic.splice.ends import End, Stop

T = TypeVar("T")

LIMIT = 1 << 18
"""Bytes that wait before their end reads no more."""
ON_ITS_WAY = 1 << 24
"""Bytes that wait where a delay lets them: what may be on its way, so that a delay leaves a bandwidth as it is."""


class Inbox(Generic[T]):
    """Keeps what comes with the time when it came; `over` says how it has ended, once it has."""

    def __init__(self, end: End, limit: int = LIMIT) -> None:
        self.end = end
        self._loop = asyncio.get_running_loop()
        self._items: deque[tuple[float, T, int]] = deque()
        self._size = 0
        self._waiter: asyncio.Future[None] | None = None
        self.limit = limit
        self.swallows = False
        """Whether what comes from now on is dropped."""
        self.over: Literal["", "ended", "closed", "reset"] = ""
        self.over_at = 0.0

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T, size: int) -> None:
        """Keep an item of so many bytes."""
        if self.swallows:
            return
        self._items.append((self._loop.time(), item, size))
        self._size += size
        if self._size > self.limit:
            self.end.stop(Stop.TOO_MUCH)
        self._wake()

    def finish(self, how: Literal["ended", "closed", "reset"]) -> None:
        """Note how it has ended."""
        self.over, self.over_at = how, self._loop.time()
        self._wake()

    def swallow(self) -> None:
        """Drop what there is, and what comes."""
        self.swallows = True
        self._items.clear()
        self._size = 0
        self.end.go(Stop.TOO_MUCH)

    def rest(self) -> list[T]:
        """Take all that there is."""
        items = [item for _, item, _ in self._items]
        self._items.clear()
        self._size = 0
        self.end.go(Stop.TOO_MUCH)
        return items

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def finished(self) -> None:
        """Return when it has ended; nobody else may wait meanwhile."""
        while not self.over:
            self._waiter = self._loop.create_future()
            await self._waiter

    async def get(self) -> tuple[float, T] | None:
        """Return the next item and when it came, or None when there will be none."""
        while not self._items:
            if self.over:
                return None
            self._waiter = self._loop.create_future()
            await self._waiter
        at, item, size = self._items.popleft()
        self._size -= size
        if self._size <= self.limit // 2:
            self.end.go(Stop.TOO_MUCH)
        return at, item
