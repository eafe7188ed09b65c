"""The whole process is stopped; in a lab with writable control groups, its whole container is frozen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from crashy.faults.effects import Stop
from crashy.server.effects import Process

FREEZER = "_CRASHY_FREEZER"  # the lab's variable: the words that freeze and thaw its container, and the file for them

# Resumes its parent at the time given, on the clock of time.monotonic(), which all processes share; it repeats the
# signal, since one before the stop would be lost, until the parent kills it or has exited. Of a container that can be
# frozen, it leaves the frozen group first.
_RESUMER = """
import os, signal, sys, time
parent, until, (thaw, file) = os.getppid(), float(sys.argv[1]), sys.argv[2:]
if file:
    open(os.path.join(os.path.dirname(file), "..", "cgroup.procs"), "w").write("0")
os.write(1, b"!")
while os.getppid() == parent:
    time.sleep(min(0.1, max(0.01, until - time.monotonic())))
    if time.monotonic() >= until and file:
        open(file, "w").write(thaw)
    elif time.monotonic() >= until:
        os.kill(parent, signal.SIGCONT)
"""


def begin(_process: Process, _effect: Stop, until: float) -> None:
    """Stop this process (SIGSTOP), or freeze its container, until a time of time.monotonic; return when it runs again.

    The process that resumes it is in its process group, so that nothing is left when the group is killed.
    """
    freeze, thaw, file = os.environ.get(FREEZER, "  ").split(" ", 2)
    if not os.access(file, os.W_OK):
        file = ""
    with subprocess.Popen(  # noqa: S603 - this Python, a constant script and a number
        [sys.executable, "-I", "-S", "-c", _RESUMER, repr(until), thaw, file],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    ) as resumer:
        if resumer.stdout is not None and resumer.stdout.read(1):
            if file:
                Path(file).write_text(freeze)  # it takes hold before this call returns
            else:
                # Sent to this thread, it stops the process before this call returns; sent to the process, another
                # thread would receive it a moment later, when the resumer might have exited.
                signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
        resumer.kill()
