"""A lease: at most one holder at a time, and never for longer than was agreed."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Lease:
    """Safe from any thread; `now` returns monotonic seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._holder = ""
        self._until = 0.0

    def take(self, holder: str, seconds: float) -> bool:
        """Take or renew it for so many seconds; return whether this holder has it now."""
        with self._lock:
            if self._holder not in ("", holder) and self._now() < self._until:
                return False
            self._holder, self._until = holder, self._now() + seconds
        return True

    def end(self, holder: str) -> bool:
        """End it; return whether this holder had it."""
        with self._lock:
            held = self._holder == holder
            if held:
                self._holder = ""
        return held
