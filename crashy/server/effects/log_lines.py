"""The process writes lines to its log."""

from __future__ import annotations

import time
from collections.abc import Callable

from crashy.faults.kinds.log_flood import LogLines
from crashy.server.effects import Process
from crashy.server.steps import TICK, take_in_steps
from crashy.timeline import Event, kinds

_AT_ONCE = 4096
"""Bytes that are written at once, if a line isn't longer."""
_PATIENCE = 0.001  # seconds until a log that has no room is looked at again


def begin(process: Process, effect: LogLines, _until: float | None) -> Callable[[], None]:
    """Write lines on a thread, past the timeline; return what stops that. Those that nobody takes are left out."""
    log = process.log
    if log is None:
        return lambda: None
    line = Event(0.0, "", kinds.PATIENT_LOG, "", "Flood", "the fault log-flood writes this line ")
    together = max(1, _AT_ONCE // effect.size)

    def take(count: int) -> bool:
        ends_at = time.monotonic() + TICK
        while count > 0 and time.monotonic() < ends_at:
            lines = min(count, together)
            if log.flood(line, effect.size, lines):
                count -= lines
            else:
                time.sleep(_PATIENCE)
        return True

    return take_in_steps("log-flood", take, effect.rate, effect.rate)
