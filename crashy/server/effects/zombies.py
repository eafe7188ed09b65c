"""Children of the process have ended and are zombies."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Callable

from crashy.faults.kinds.fork_zombies import Zombies
from crashy.server.effects import Process
from crashy.server.machine import OwnMachine
from crashy.server.steps import take_in_steps

STEP = 50
"""Processes of a step, at most."""


def begin(process: Process, effect: Zombies, _until: float | None) -> Callable[[], None]:
    """Start processes that end at once, in steps, while the machine can have more; return what waits for them."""
    true = shutil.which("true")
    command = [true] if true else [sys.executable, "-I", "-S", "-c", ""]
    machine = OwnMachine()
    zombies: list[int] = []

    def take(count: int) -> bool:
        count = min(count, effect.to - len(zombies))
        if count > machine.threads_ceiling - threading.active_count():
            process.warn("fork-zombies: starts no more, so that other processes keep a tenth of the limit")
            return False
        try:
            for _ in range(count):
                zombies.append(os.posix_spawn(command[0], command, {}))
        except OSError as error:
            process.warn(f"fork-zombies: starts no more: {error.strerror}")
            return False
        return len(zombies) < effect.to

    stop = take_in_steps("zombies", take, STEP, effect.rate)

    def end() -> None:
        stop()
        for child in zombies:
            os.waitpid(child, 0)

    return end
