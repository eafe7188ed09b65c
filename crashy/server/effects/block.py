"""The event loop stands still."""

from __future__ import annotations

import threading
from collections.abc import Callable

from crashy.faults.effects import Block
from crashy.server.effects import Process

STUCK_EVERY = 2.0
"""Seconds between two stuck lines, as kodekloud/webapp-delayed-start prints them."""


def begin(process: Process, _effect: Block, _until: float | None) -> Callable[[], None]:
    """Block the loop; what is returned lets it go on, at once."""
    thawed = threading.Event()
    process.loop.call_soon_threadsafe(_stand_still, process, thawed)
    return thawed.set


def _stand_still(process: Process, thawed: threading.Event) -> None:
    while not thawed.is_set():
        process.stuck()
        thawed.wait(STUCK_EVERY)
