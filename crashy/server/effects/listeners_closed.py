"""The listeners are closed: whoever connects is refused."""

from __future__ import annotations

from collections.abc import Callable

from crashy.faults.effects import ListenersClosed
from crashy.server.effects import Process


def begin(process: Process, _effect: ListenersClosed, _until: float | None) -> Callable[[], None]:
    """Close the listeners; what is returned opens them again on the same ports. Open connections stay so."""
    process.loop.call_soon_threadsafe(process.listeners.close)

    def end() -> None:
        process.loop.call_soon_threadsafe(process.listeners.reopen)

    return end
