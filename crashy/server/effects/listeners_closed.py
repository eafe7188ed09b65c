"""The listeners are closed: new connections are refused."""

from __future__ import annotations

from collections.abc import Callable

from crashy.faults.effects import ListenersClosed
from crashy.server.effects import Process


def begin(process: Process, _effect: ListenersClosed, _until: float | None) -> Callable[[], None]:
    """Close the listeners, not the connections; return the function that opens them again on the same ports."""
    process.loop.call_soon_threadsafe(process.listeners.close)

    def end() -> None:
        process.loop.call_soon_threadsafe(process.listeners.reopen)

    return end
