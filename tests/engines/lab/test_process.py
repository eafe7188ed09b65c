"""Processes as containers have them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from crashy.engines.lab.process import Process
from tests.elsewhere import needs_proc

Start = Callable[..., Awaitable[tuple[Process, bytearray]]]
DEADLINE = 20.0


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    started: list[Process] = []

    async def begin(*command: str) -> tuple[Process, bytearray]:
        output = bytearray()
        process = await Process.start(
            command, environ=os.environ, folder=tmp_path, stdout=output.extend, stderr=output.extend
        )
        started.append(process)
        return process, output

    yield begin
    for process in started:
        process.kill()
        await process.wait()
        process.close()


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - what is waited for happens outside of this loop
            await asyncio.sleep(0.01)


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", code)


@pytest.mark.parametrize(
    ("code", "expected"),
    [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137), ("kill -15 $$", 143), ("kill -SEGV $$", 139)],
)
async def test_exit_codes_are_kubernetes(start: Start, code: str, expected: int) -> None:
    process, _ = await start("sh", "-c", code)

    assert await process.wait() == expected


async def test_both_streams_are_heard_in_order(start: Start) -> None:
    process, output = await start("sh", "-c", "echo one; echo two >&2; echo three")
    await process.wait()
    await process.output_ended()

    assert output == b"one\ntwo\nthree\n"


@needs_proc
async def test_without_a_handler_sigterm_is_not_delivered(start: Start) -> None:
    process, output = await start(*python("import time; print('up', flush=True); time.sleep(60)"))
    await eventually(lambda: b"up" in output)
    process.terminate()

    assert not process.handles(signal.SIGTERM)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(process.wait(), 0.3)


async def test_a_handler_gets_sigterm(start: Start) -> None:
    code = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(5)); "
        "print('up', flush=True); time.sleep(60)"
    )
    process, output = await start(*python(code))
    await eventually(lambda: b"up" in output)
    process.terminate()

    assert await asyncio.wait_for(process.wait(), DEADLINE) == 5


async def test_a_kill_reaches_the_stopped_and_the_children(start: Start) -> None:
    process, output = await start("sh", "-c", "sleep 61 & echo child $!; kill -STOP $$")
    await eventually(lambda: b"\n" in output)
    child = int(output.split()[1])
    process.kill()

    assert await asyncio.wait_for(process.wait(), DEADLINE) == 137
    await asyncio.wait_for(process.output_ended(), DEADLINE)  # the child held it too
    await eventually(lambda: not exists(child))


async def test_what_cannot_be_started_says_so(start: Start, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("no program")

    with pytest.raises(FileNotFoundError):
        await start("no-such-program")
    with pytest.raises(PermissionError):
        await start(str(plain))
