"""The event loop is blocked."""

from __future__ import annotations

import threading
from collections.abc import Callable

from crashy.faults.effects import Block
from crashy.server.effects import Process

STUCK_EVERY = 2.0
"""Seconds between two stuck lines, as kodekloud/webapp-delayed-start prints them."""


def begin(process: Process, _effect: Block, _until: float | None) -> Callable[[], None]:
    """Block the loop; return the function that unblocks it."""
    unblocked = threading.Event()
    process.loop.call_soon_threadsafe(_block, process, unblocked)
    return unblocked.set


def _block(process: Process, unblocked: threading.Event) -> None:
    while not unblocked.is_set():
        process.log_stuck()
        unblocked.wait(STUCK_EVERY)
