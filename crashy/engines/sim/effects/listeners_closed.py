"""The listeners are closed: connections are refused."""

from __future__ import annotations

from collections.abc import Callable

from crashy.engines.sim.effects import ModelledProcess
from crashy.faults.effects import ListenersClosed


def begin(process: ModelledProcess, _effect: ListenersClosed, _until: float | None) -> Callable[[], None]:
    """Close the listeners; what is returned opens them again. Either waits for the loop."""
    process.when_awake(lambda: _set(process, closed=True))
    return lambda: process.when_awake(lambda: _set(process, closed=False))


def _set(process: ModelledProcess, *, closed: bool) -> None:
    process.listeners_closed = closed
