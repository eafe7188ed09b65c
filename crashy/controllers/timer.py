"""A controller's queue of one object: of several times at which it is to be synced, the first counts.

kubernetes: staging/src/k8s.io/client-go/util/workqueue/delaying_queue.go
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from crashy.controllers.steps import JUST_AFTER


class Timer:
    """Calls `work` at the first of the times that are set, and forgets the later ones."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None
        self.stopped = False

    def after(self, seconds: float) -> None:
        """Call `work` after so many seconds, unless an earlier call is set."""
        due = self._loop.time() + max(0.0, seconds) + JUST_AFTER
        if self.stopped or (self._handle and self._handle.when() <= due):
            return
        if self._handle:
            self._handle.cancel()
        self._handle = self._loop.call_at(due, self._fire)

    def stop(self) -> None:
        """Cancel the call, and ignore later ones."""
        self.stopped = True
        if self._handle:
            self._handle.cancel()

    def _fire(self) -> None:
        self._handle = None
        self._work()
