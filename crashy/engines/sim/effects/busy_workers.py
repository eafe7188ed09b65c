"""The worker threads are all busy: of the process nothing else is noticed than the requests that wait."""

from __future__ import annotations

from collections.abc import Callable

from crashy.engines.sim.effects import ModelledProcess
from crashy.faults.kinds.freeze import BusyWorkers


def begin(_process: ModelledProcess, _effect: BusyWorkers, _until: float | None) -> Callable[[], None]:
    """Do nothing: the fault itself holds the requests."""
    return lambda: None
