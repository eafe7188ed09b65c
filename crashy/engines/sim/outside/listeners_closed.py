"""Connections are refused to some clients, before they reach the container."""

from __future__ import annotations

from collections.abc import Callable

from crashy.engines.sim.outside import Process
from crashy.faults.effects import ListenersClosed


def begin(process: Process, effect: ListenersClosed, _until: float | None) -> Callable[[], None]:
    """Refuse them from now on."""
    return process.refuse(effect.clients)
