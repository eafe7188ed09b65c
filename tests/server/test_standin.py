"""The process of a stand-in: what it runs beside its app, and how it ends."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from crashy.patient.standin import EXEC_ROUTE, StandIn
from tests.elsewhere import needs_proc
from tests.server.running import children, until

DEADLINE = 30.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def plan(**given: Any) -> StandIn:
    values = {"image": "web:1", "pod": "web-1", "host": "127.0.0.1", "admin_port": free_port()}
    return StandIn(**{**values, "began": time.monotonic(), "start": "0s", "drain": "0s", **given})


@asynccontextmanager
async def running(described: StandIn) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "crashy.server.standin", described.to_json(), stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ended(process: asyncio.subprocess.Process) -> int:
    async with asyncio.timeout(DEADLINE):
        return await process.wait()


async def execute(described: StandIn, *command: str, probe: str = "") -> tuple[int, str]:
    """Run a command beside it, as soon as it can be asked."""
    url = f"http://127.0.0.1:{described.admin_port}{EXEC_ROUTE}"
    body = json.dumps({"command": command, "probe": probe}).encode()
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                with await asyncio.to_thread(urlopen, Request(url, body)) as response:
                    answer = json.load(response)
                    return answer["code"], answer["output"]
            except URLError:
                await asyncio.sleep(0.02)


def test_its_description_is_read_as_it_was_written() -> None:
    described = plan(ports=(80, 443), tls=(443,), services={"db": "liveness"}, command=("sh", "-c", "serve"))

    assert StandIn.from_json(described.to_json()) == described


async def test_commands_see_the_files_of_the_app() -> None:
    described = plan(command=("sh", "-c", "touch /run/made; no-such-server"))
    async with running(described):
        assert await execute(described, "cat", "/run/made", "/any/file/of/the/image") == (0, "")
        assert await execute(described, "rm", "/run/made") == (0, "")
        assert await execute(described, "cat", "/run/made") == (1, "cat: /run/made: No such file or directory")
        assert await execute(described, "sh", "-c", "false || exit 3") == (3, "")


async def test_another_command_is_a_client_that_fails_until_the_app_has_started() -> None:
    described = plan(start="60s")
    async with running(described):
        assert await execute(described, "redis-cli", "ping") == (1, "redis-cli: the app has not started")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"run": "100ms"}, 0),
        ({"init": True}, 0),
        ({"init": True, "command": ("sh", "-c", "no-such-program && exit 4")}, 4),
        ({"command": ("sh", "-c", "sleep 0.1; exit 7")}, 7),
    ],
)
async def test_it_ends_by_itself_as_its_command_does(given: dict[str, Any], code: int) -> None:
    async with running(plan(**given)) as process:
        assert await ended(process) == code


@needs_proc
async def test_its_end_takes_longer_by_a_fault() -> None:
    described = plan()
    url = f"http://127.0.0.1:{described.admin_port}/admin/faults"

    def ask(method: str, spec: str = "") -> None:
        body = json.dumps({"spec": spec}).encode() if spec else None
        urlopen(Request(url, body, {"Content-Type": "application/json"}, method=method)).close()

    async with running(described) as process:
        await execute(described, "client")  # its admin API is there
        for spec in ("ignore-sigterm for=1h", "slow-drain by=1h", "fork-zombies to=1"):
            await asyncio.to_thread(ask, "POST", spec)
        await asyncio.to_thread(until, lambda: children(process.pid), "the last fault has begun, as the others have")
        process.terminate()
        assert process.stdout is not None
        async with asyncio.timeout(DEADLINE):
            while b"Signal: SIGTERM: ignored" not in await process.stdout.readline():
                pass
        await asyncio.to_thread(ask, "DELETE")
        await asyncio.to_thread(
            until, lambda: not children(process.pid), "the last fault has ended, as the others have"
        )

        process.terminate()
        assert await ended(process) == 0


async def test_a_port_that_is_taken_is_skipped() -> None:
    first = plan(ports=(free_port(),))
    second = plan(ports=first.ports, run="1s")
    async with running(first):
        while (await execute(first, "client"))[0]:
            pass
        async with running(second) as process:
            assert await ended(process) == 0
