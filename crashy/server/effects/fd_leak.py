"""The process has more and more file descriptors open."""

from __future__ import annotations

import os
from collections.abc import Callable

from crashy.faults.kinds.fds import KEPT, FdLeak
from crashy.server.effects import Process
from crashy.server.machine import OwnMachine
from crashy.server.steps import take_in_steps

STEP = 1000
"""Descriptors of a step, at most."""


def begin(process: Process, effect: FdLeak, _until: float | None) -> Callable[[], None]:
    """Open descriptors of /dev/null, in steps; return what closes them again.

    The last ones of the limit stay free, for the admin API: the listeners take no more connections then, as an app
    whose accept fails (EMFILE) and tries again: the kernel goes on queueing them.
    """
    limit = OwnMachine().fds_limit
    exhausts = effect.exhausts(limit)
    most = effect.target(limit) - (KEPT if exhausts else 0)
    held: list[int] = []
    paused = False

    def another() -> bool:
        """Open one; return whether there was room for it."""
        fd = os.dup(held[0]) if held else os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        # The kernel gives out the lowest number that is free: all numbers below a new one are taken.
        if fd >= most:
            os.close(fd)
            return False
        held.append(fd)
        return True

    def take(count: int) -> bool:
        nonlocal paused
        try:
            while count and another():
                count -= 1
        except OSError as error:
            process.warn(f"fds: opens no more: {error.strerror}")
            return False
        if count and exhausts:
            paused = True
            for listeners in process.listeners:
                process.loop.call_soon_threadsafe(listeners.pause)
        return not count

    stop = take_in_steps("fds", take, STEP, effect.rate)

    def end() -> None:
        stop()
        for fd in held:
            os.close(fd)
        if paused:
            for listeners in process.listeners:
                process.loop.call_soon_threadsafe(listeners.resume)

    return end
