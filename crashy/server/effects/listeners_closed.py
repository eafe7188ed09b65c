"""The listeners are closed: new connections are refused."""

from __future__ import annotations

from collections.abc import Callable

from crashy.faults.effects import ListenersClosed
from crashy.server.effects import Process


def begin(process: Process, effect: ListenersClosed, _until: float | None) -> Callable[[], None]:
    """Close the listeners, not the connections; return the function that opens them again on the same ports."""
    closed = [listeners for listeners in process.listeners if effect.grpc or listeners.setting == "PORT"]
    for listeners in closed:
        process.loop.call_soon_threadsafe(listeners.close)

    def end() -> None:
        for listeners in closed:
            process.loop.call_soon_threadsafe(listeners.reopen)

    return end
