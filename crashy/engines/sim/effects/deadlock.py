"""Two threads wait for each other's lock: of the process nothing else is noticed than the requests that wait."""

from __future__ import annotations

from collections.abc import Callable

from crashy.engines.sim.effects import ModelledProcess
from crashy.faults.kinds.freeze import Deadlock


def begin(_process: ModelledProcess, _effect: Deadlock, _until: float | None) -> Callable[[], None]:
    """Do nothing: the fault itself holds the requests."""
    return lambda: None
