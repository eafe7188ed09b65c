"""The whole process is stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

from crashy.faults.effects import Stop
from crashy.server.effects import Process

# Resumes its parent at the time given, on the clock of time.monotonic(), which all processes share; it repeats the
# signal, since one before the stop would be lost, until the parent kills it or has exited.
_RESUMER = """
import os, signal, sys, time
parent, until = os.getppid(), float(sys.argv[1])
os.write(1, b"!")
while os.getppid() == parent:
    time.sleep(min(0.1, max(0.01, until - time.monotonic())))
    if time.monotonic() >= until:
        os.kill(parent, signal.SIGCONT)
"""


def begin(_process: Process, _effect: Stop, until: float) -> None:
    """Stop this process (SIGSTOP) until a time of time.monotonic; return when it runs again.

    The process that resumes it is in its process group, so that nothing is left when the group is killed.
    """
    with subprocess.Popen(  # noqa: S603 - this Python, a constant script and a number
        [sys.executable, "-I", "-S", "-c", _RESUMER, repr(until)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as resumer:
        if resumer.stdout is not None and resumer.stdout.read(1):
            # Sent to this thread, it stops the process before this call returns; sent to the process, another
            # thread would receive it a moment later, when the resumer might have exited.
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
        resumer.kill()
