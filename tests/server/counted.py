"""Runs the command behind it, `PYTHON -m crashy ...`, and says on SIGUSR1 how many asyncio tasks the process has."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import threading

from crashy.cli import main


def say() -> None:
    while True:
        signal.sigwait({signal.SIGUSR1})
        tasks = [one for one in gc.get_objects() if isinstance(one, asyncio.Task) and not one.done()]
        sys.stdout.write(f"tasks: {len(tasks)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    threading.Thread(target=say, daemon=True).start()
    sys.exit(main(sys.argv[4:]))
