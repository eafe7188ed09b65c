"""Children that nobody waits for."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time

import pytest

from crashy.engines.lab import zombies
from crashy.engines.lab.zombies import count_zombies, watch_zombies
from tests.elsewhere import needs_proc

pytestmark = needs_proc

NEGLECT = """
import subprocess, sys
children = [subprocess.Popen(["true"]) for _ in range(2)]
sys.stdin.readline()
for child in children:
    child.wait()
print(flush=True)
sys.stdin.readline()
"""


def until(count: int, pid: int) -> None:
    end = time.monotonic() + 20
    while count_zombies(pid) != count:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_they_are_counted_until_they_are_waited_for() -> None:
    with subprocess.Popen([sys.executable, "-c", NEGLECT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdin
        assert parent.stdout
        until(2, parent.pid)
        parent.stdin.write(b"\n")
        parent.stdin.flush()
        parent.stdout.readline()
        assert count_zombies(parent.pid) == 0
        parent.stdin.close()
    assert count_zombies(parent.pid) == 0


async def test_a_change_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zombies, "LOOK", 0.01)
    reported: asyncio.Queue[int] = asyncio.Queue()
    others = count_zombies(os.getpid())
    watching = asyncio.create_task(watch_zombies(lambda: count_zombies(os.getpid()) - others, reported.put_nowait))
    child = os.posix_spawnp("true", ["true"], {})  # noqa: ASYNC221 - this only starts it
    try:
        async with asyncio.timeout(20):
            assert await reported.get() == 1
            os.waitpid(child, 0)  # noqa: ASYNC222 - it has ended
            assert await reported.get() == 0
    finally:
        watching.cancel()
