"""The process dies of abort(), called in a thread."""

from __future__ import annotations

import os

from crashy.faults.kinds.crash import AbortCall
from crashy.server.effects import Process


def begin(process: Process, effect: AbortCall, _until: float | None) -> None:
    """Abort, as an assertion of a C library does; process 1 exits with the code that a runtime reports.

    The kernel spares that one the signal: it would run into the instruction by which abort() ends whoever survives.
    """
    process.before_exit(effect.code, effect.message)
    if os.getpid() == 1:
        os._exit(effect.code)
    os.abort()
