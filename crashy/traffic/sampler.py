"""The open loop: requests leave on a fixed schedule, whatever becomes of the earlier ones."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

from crashy.traffic.connection import Reply
from crashy.traffic.samples import Sample


async def sample(
    ask: Callable[[], Awaitable[Reply]],
    record: Callable[[Sample], None],
    *,
    rate: float,
    count: int | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Call `ask` `rate` times a second and `record` every result, until `count` were sent or `stop` is set.

    The i-th request is due at i/rate seconds after the start: a slow server can't slow the schedule, and a request
    that leaves late says so (`Sample.lag`). Waits for the requests under way before it ends.
    """
    loop = asyncio.get_running_loop()
    start = loop.time()
    stopped = stop or asyncio.Event()
    sent = 0

    async def one(due: float) -> None:
        lag = loop.time() - start - due
        reply = await ask()
        body = reply.body.decode("utf-8", "replace")
        pod = reply.pod or pod_in(body)
        record(Sample(due, loop.time() - start - due, lag, reply.status, pod, reply.failure, body))

    async with asyncio.TaskGroup() as requests:
        while (count is None or sent < count) and not stopped.is_set():
            due = sent / rate
            wait = start + due - loop.time()
            if wait > 0:
                try:
                    async with asyncio.timeout(wait):
                        await stopped.wait()
                    break
                except TimeoutError:
                    pass
            requests.create_task(one(due))
            sent += 1
            if wait <= 0:
                await asyncio.sleep(0)  # behind schedule: let the requests under way be heard all the same


_NAME = r"([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)\b"


_WORDS = re.compile(r"\A(?:Message from |Hi, my name is |RNG running on |You've hit |Hello from )" + _NAME)


def pod_in(body: str) -> str:
    """Return the pod's name that a body begins with, or an empty text."""
    found = _WORDS.match(body)
    return found[1] if found else ""
