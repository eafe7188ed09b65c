"""A file grows in STATE_DIR: a modelled disk is never full."""

from __future__ import annotations

from collections.abc import Callable

from crashy.engines.sim.effects import ModelledProcess
from crashy.faults.kinds.disk import DiskFill


def begin(process: ModelledProcess, effect: DiskFill, _until: float | None) -> Callable[[], None]:
    """Do nothing that anybody could notice."""
    del process, effect
    return lambda: None
