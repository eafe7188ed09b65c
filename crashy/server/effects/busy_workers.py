"""The worker threads are all busy."""

from __future__ import annotations

import threading
from collections.abc import Callable

from crashy.faults.kinds.freeze import WORKERS, BusyWorkers
from crashy.server.effects import Process


def begin(process: Process, _effect: BusyWorkers, _until: float | None) -> Callable[[], None]:
    """Start them, each of which waits for what doesn't come; what is returned lets it come, and they end."""
    come = threading.Event()
    workers = []
    try:
        for _ in range(WORKERS):
            worker = threading.Thread(target=come.wait, name="worker", daemon=True)
            worker.start()
            workers.append(worker)
    except RuntimeError as error:
        process.warn(f"freeze: mode=threads: {len(workers)} of {WORKERS} threads started: {error}")

    def end() -> None:
        come.set()
        for worker in workers:
            worker.join()

    return end
