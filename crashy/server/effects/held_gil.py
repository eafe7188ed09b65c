"""No thread of the process runs Python: a call into C holds the interpreter's lock (the GIL)."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys

from crashy.faults.kinds.freeze import HeldGil
from crashy.server.effects import Process

# Ends at the time given, on the clock of time.monotonic(), which all processes share, or when the pipe from its parent
# is closed: by the parent's death, however it came.
_HELPER = """
import select, sys, time
select.select([0], [], [], max(0, float(sys.argv[1]) - time.monotonic()))
"""


def begin(process: Process, _effect: HeldGil, until: float) -> None:
    """Hold the lock until a time of time.monotonic; return when it is free again.

    The lock is held by a read of a pipe, whose other end a helper closes by its end. The helper is in this process's
    group, so that nothing is left when the group is killed.
    """
    read = ctypes.PyDLL(None).read  # of the C library: a PyDLL's functions don't release the lock
    command = [sys.executable, "-I", "-S", "-c", _HELPER, repr(until)]
    try:
        helper = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - this Python, a constant script and a number
    except OSError as error:
        process.warn(f"freeze: mode=gil: the process that ends it can't be started: {error.strerror}")
        return
    with helper:
        if helper.stdout is not None:
            # A signal must not interrupt the read: other threads take those for this process.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            try:
                read(helper.stdout.fileno(), ctypes.create_string_buffer(1), 1)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
