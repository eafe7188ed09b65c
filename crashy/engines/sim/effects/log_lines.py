"""The process writes lines to its log: a model's log is read at once."""

from __future__ import annotations

from collections.abc import Callable

from crashy.engines.sim.effects import ModelledProcess
from crashy.faults.kinds.log_flood import LogLines


def begin(process: ModelledProcess, effect: LogLines, _until: float | None) -> Callable[[], None]:
    """Do nothing that anybody could notice."""
    del process, effect
    return lambda: None
