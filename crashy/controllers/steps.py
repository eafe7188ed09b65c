"""A controller's steps towards what its object asks for, and the wait until the next one is due."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

JUST_AFTER = 0.001  # seconds: availability and deadlines need more than their time, not just that


class Steps:
    """Takes a `step` as often as one is needed, and calls `sync` when the next one is due."""

    def __init__(self, step: Callable[[], None], sync: Callable[[], None]) -> None:
        self._step = step
        self._sync = sync
        self._running = self._again = False
        self._timer: asyncio.TimerHandle | None = None

    def run(self) -> bool:
        """Take steps until none is needed, and return True; during a step only ask for another one.

        A step's consequences, such as a pod that is created, call this again before the step ends.
        """
        self._again = True
        if self._running:
            return False
        self._running = True
        try:
            while self._again:
                self._again = False
                self._step()
        finally:
            self._running = False
        return True

    def wait(self, dues: Iterable[float]) -> None:
        """Sync at the first of these times of the event loop, and at none that was set before."""
        self.stop()
        if (due := min(dues, default=None)) is not None:
            self._timer = asyncio.get_running_loop().call_at(due, self._sync)

    def stop(self) -> None:
        """Cancel the timer."""
        if self._timer:
            self._timer.cancel()
