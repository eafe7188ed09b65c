"""The process dies of a signal."""

from __future__ import annotations

import os
import signal
import time

from crashy.faults.effects import Signal
from crashy.server.effects import Process

_LAST_BREATH = 1.0


def begin(process: Process, effect: Signal, _until: float | None) -> None:
    """Die of a signal; where that can't be, exit with 128 + its number, as a container's runtime reports it.

    It can't be where this process handles or ignores the signal, and as process 1 of a container, which the
    kernel spares its own signals.
    """
    process.last_words()
    if signal.getsignal(effect.number) == signal.SIG_DFL:
        os.kill(os.getpid(), effect.number)
        time.sleep(_LAST_BREATH)
    os._exit(128 + effect.number)
