"""The whole process is stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

from crashy.faults.effects import Stop
from crashy.server.effects import Process

# Wakes its parent at the time given, on the clock that Python's time.monotonic() is in every process; again and
# again, since a wake-up that comes before the stop is lost, until the parent has woken and ends it, or is gone.
_WAKER = """
import os, signal, sys, time
parent, until = os.getppid(), float(sys.argv[1])
os.write(1, b"!")
while os.getppid() == parent:
    time.sleep(min(0.1, max(0.01, until - time.monotonic())))
    if time.monotonic() >= until:
        os.kill(parent, signal.SIGCONT)
"""


def begin(_process: Process, _effect: Stop, until: float) -> None:
    """Stop this process (SIGSTOP) until then, on the clock of time.monotonic; return when it runs again.

    The one that wakes it stays in its process group, so that nothing is left when the group is killed.
    """
    with subprocess.Popen(  # noqa: S603 - this Python, a text of ours and a number
        [sys.executable, "-I", "-S", "-c", _WAKER, repr(until)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as waker:
        if waker.stdout is not None and waker.stdout.read(1):
            # Sent to this very thread it has stopped the process before this call returns; sent to the process,
            # another thread would take it in a moment later, when the waker might be gone already.
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
        waker.kill()
