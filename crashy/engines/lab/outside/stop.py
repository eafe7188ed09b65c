"""All processes of the container stand still: its control group is frozen, or each of them is stopped (SIGSTOP)."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress

from crashy.engines.lab import proc
from crashy.engines.lab.outside import Process
from crashy.engines.lab.started import Running
from crashy.faults.effects import Stop

_LOOK = 0.01  # seconds between two looks for processes that were forked meanwhile


def begin(process: Process, _effect: Stop, _until: float | None) -> Callable[[], None] | None:
    """Stop them; return what lets them go on. Commands that run beside them, such as probes, are left alone."""
    life = process.life
    if life is None:
        return None
    if life.group and life.group.freeze():
        return life.group.thaw
    return _stop_group(life) if proc.children("self") is None else _stop(process, life)


def _stop(process: Process, life: Running) -> Callable[[], None]:
    stopped: set[int] = set()

    def stop() -> bool:
        """Stop those that are there; return whether all of them stand still, and so fork no more."""
        there = life.processes()
        for pid in there:
            if pid not in stopped:
                _signal(pid, signal.SIGSTOP)
        stopped.update(there)
        return all((proc.state(pid) or "T")[0] == "T" for pid in there)

    async def stop_more() -> None:
        while not stop():  # noqa: ASYNC110 - what is waited for happens in those processes
            await asyncio.sleep(_LOOK)

    stop()
    task = asyncio.get_running_loop().create_task(stop_more())

    def end() -> None:
        task.cancel()
        if process.life is life:
            for pid in stopped.intersection(life.processes()):
                _signal(pid, signal.SIGCONT)

    return end


def _stop_group(life: Running) -> Callable[[], None]:
    """Stop what is in the first process's group: where /proc knows no children that is all that can be found."""
    group = -life.process.pid  # as kill(2) has it
    _signal(group, signal.SIGSTOP)
    return lambda: _signal(group, signal.SIGCONT)


def _signal(pid: int, signum: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # it has ended, or runs as another user
        os.kill(pid, signum)
