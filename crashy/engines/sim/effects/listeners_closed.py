"""The listeners are closed: connections are refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from crashy.engines.sim.effects import ModelledProcess
from crashy.faults.effects import ListenersClosed


def begin(process: ModelledProcess, effect: ListenersClosed, _until: float | None) -> Callable[[], None]:
    """Close the listeners; what is returned opens them again. Either waits for the loop."""
    process.when_awake(partial(process.listeners_closed.append, effect))
    return partial(process.when_awake, partial(process.listeners_closed.remove, effect))
