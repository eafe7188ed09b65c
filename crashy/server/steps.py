"""Takes something in steps, on a thread of its own, until it is told to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

TICK = 0.1
"""Seconds from one step to the next at a rate."""
_BREATH = 0.01  # from one to the next where there is more to take already: others run meanwhile


def take_in_steps(name: str, take: Callable[[int], bool], most: int, rate: float | None) -> Callable[[], None]:
    """Call `take` with how much a step may take, until it returns False; return what ends that and waits for its end.

    A step is of at most `most`; at a `rate` so much is taken a second, else as much as it can.
    """
    ended = threading.Event()

    def run() -> None:
        began, taken = time.monotonic(), 0
        while not ended.is_set():
            due = most
            if rate is not None:
                due = min(most, 1 + int((time.monotonic() - began) * rate) - taken)
            if due > 0 and not take(due):
                return
            taken += due
            ended.wait(_BREATH if due == most else TICK)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()

    def end() -> None:
        ended.set()
        thread.join()

    return end
