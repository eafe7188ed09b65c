"""Two threads wait for each other's lock."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from crashy.faults.kinds.freeze import Deadlock
from crashy.server.effects import Process


def begin(process: Process, _effect: Deadlock, _until: float | None) -> Callable[[], None]:
    """Let two threads take a lock each, and then wait for the other's; what is returned takes one lock away."""
    locks = threading.Lock(), threading.Lock()
    each_has_one = threading.Barrier(3)

    def take(first: threading.Lock, second: threading.Lock) -> None:
        first.acquire()
        with suppress(threading.BrokenBarrierError):
            each_has_one.wait()
            second.acquire()
            first.release()

    threads = [
        threading.Thread(target=take, args=order, name="deadlock", daemon=True) for order in (locks, locks[::-1])
    ]
    try:
        for thread in threads:
            thread.start()
    except RuntimeError as error:
        process.warn(f"freeze: mode=deadlock: a thread can't be started: {error}")
        each_has_one.abort()
        return lambda: None
    each_has_one.wait()

    def end() -> None:
        locks[0].release()  # the second thread takes it and ends, and so does then the first
        for thread in threads:
            thread.join()

    return end
