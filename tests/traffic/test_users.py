"""Users begin when their Service has its first endpoint, in virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from crashy.clock import run_virtual
from crashy.timeline import Timeline
from crashy.traffic.connection import Reply
from crashy.traffic.users import users


@pytest.mark.parametrize(
    ("nobody", "somebody"),
    [
        ({"serving": []}, {"serving": ["web-1"]}),
        ({"counts": {"serving": 0}}, {"counts": {"serving": 101}}),
    ],
    ids=["named", "counted"],
)
def test_they_wait_for_an_endpoint_that_can_be_reached(nobody: dict[str, Any], somebody: dict[str, Any]) -> None:
    async def main() -> list[float]:
        timeline, stop = Timeline(asyncio.get_running_loop().time), asyncio.Event()

        async def ask() -> Reply:
            return Reply(200)

        async def reachable() -> None:
            await asyncio.sleep(0.5)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(users(ask, timeline, "web", rate=1, stop=stop, reachable=reachable))
            for data in (nobody, somebody):
                await asyncio.sleep(5)
                timeline.add("endpointslice-controller", "endpoints", "service/web", **data)
            await asyncio.sleep(2.5)
            stop.set()
        return [event.data["sent"] for event in timeline.since() if event.kind == "request"]

    assert run_virtual(main())[0] == 10.5
