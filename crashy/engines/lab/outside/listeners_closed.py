"""Connections are refused to some clients, before they reach the container."""

from __future__ import annotations

from collections.abc import Callable

from crashy.engines.lab.outside import Process
from crashy.faults.effects import ListenersClosed


def begin(process: Process, effect: ListenersClosed, _until: float | None) -> Callable[[], None]:
    """Refuse them from now on; connections that are there stay."""
    process.deaf_to[effect.clients] += 1

    def end() -> None:
        process.deaf_to[effect.clients] -= 1

    return end
