"""The process dies of a stack that has overflowed."""

from __future__ import annotations

import faulthandler

from crashy.faults.effects import Signal
from crashy.faults.kinds.crash import StackOverflow
from crashy.server.effects import Process, signal


def begin(process: Process, effect: StackOverflow, _until: float | None) -> None:
    """Let a function in C call itself without an end: the kernel kills the process, as process 1 too (SIGSEGV)."""
    # It is private, but has been there since 3.3: Python tests its own fault handler with it.
    if overflow := getattr(faulthandler, "_stack_overflow", None):
        process.before_exit(effect.code, effect.message)
        overflow()
    signal.begin(process, Signal("SEGV", effect.message), None)
