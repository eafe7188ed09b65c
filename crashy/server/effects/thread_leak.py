"""The process has more and more threads."""

from __future__ import annotations

import threading
from collections.abc import Callable

from crashy.faults.kinds.threads import ThreadLeak
from crashy.server.effects import Process
from crashy.server.machine import OwnMachine
from crashy.server.steps import take_in_steps

STEP = 100
"""Threads of a step, at most."""


def begin(process: Process, effect: ThreadLeak, _until: float | None) -> Callable[[], None]:
    """Start threads that wait, in steps, while the machine can have more; return what ends them."""
    machine = OwnMachine()
    most = (effect.target(machine.threads_limit) or 0) + 1  # the one that starts the others ends
    ended = threading.Event()
    held: list[threading.Thread] = []

    def take(count: int) -> bool:
        count = min(count, most - threading.active_count())
        if threading.active_count() + count > machine.threads_ceiling:
            process.warn("threads: starts no more, so that other processes keep a tenth of the limit")
            return False
        try:
            for _ in range(count):
                thread = threading.Thread(target=ended.wait, name="leaked", daemon=True)
                thread.start()
                held.append(thread)
        except RuntimeError as error:
            process.warn(f"threads: starts no more: {error}")
            return False
        return threading.active_count() < most

    stop = take_in_steps("threads", take, STEP, effect.rate)

    def end() -> None:
        stop()
        ended.set()
        for thread in held:
            thread.join()

    return end
