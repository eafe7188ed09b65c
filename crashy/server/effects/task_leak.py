"""The event loop has more and more tasks."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

from crashy.faults.kinds.tasks import TaskLeak
from crashy.server.effects import Process
from crashy.server.steps import take_in_steps

STEP = 1000
"""Tasks that are started, or ended, at once: the loop is busy with them for a few milliseconds."""


def begin(process: Process, effect: TaskLeak, _until: float | None) -> Callable[[], None]:
    """Start tasks on the app's loop that never end, in steps; return what cancels them, as soon as the loop runs."""
    loop = process.loop
    leaked: list[asyncio.Task[None]] = []
    left = effect.to

    def start(count: int) -> None:
        leaked.extend(loop.create_task(_wait(loop.create_future())) for _ in range(count))

    def cancel() -> None:
        for task in leaked[-STEP:]:
            task.cancel()
        del leaked[-STEP:]
        loop.call_soon(cancel if leaked else gc.collect)

    def take(count: int) -> bool:
        nonlocal left
        count = min(count, left)
        left -= count
        loop.call_soon_threadsafe(start, count)
        return left > 0

    stop = take_in_steps("tasks", take, STEP, effect.rate)

    def end() -> None:
        stop()
        loop.call_soon_threadsafe(cancel)

    return end


async def _wait(forever: asyncio.Future[None]) -> None:
    await forever
