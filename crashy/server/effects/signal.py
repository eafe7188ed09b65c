"""The process is killed by a signal."""

from __future__ import annotations

import os
import signal
import time

from crashy.faults.effects import Signal
from crashy.server.effects import Process

_SIGNAL_TIMEOUT = 1.0


def begin(process: Process, effect: Signal, _until: float | None) -> None:
    """Send this process a signal; if it survives, exit with 128 + its number, as a container's runtime reports it.

    It survives where it handles or ignores the signal, and as process 1 of a container, which the kernel protects
    from its own signals.
    """
    process.before_exit(128 + effect.number, effect.message)
    if signal.getsignal(effect.number) == signal.SIG_DFL:
        os.kill(os.getpid(), effect.number)
        time.sleep(_SIGNAL_TIMEOUT)
    os._exit(128 + effect.number)
