"""The control socket, asked as other commands ask it."""

from __future__ import annotations

import asyncio
import json
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from crashy.client import running_labs
from crashy.engines.lab.control import Control, Request
from crashy.errors import BadInput

SOCKET = "1.sock"


@pytest.fixture
def labs() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:  # a socket's path must be short, pytest's folders are not
        yield Path(folder, "labs")


async def refuse(_request: Request) -> dict[str, object]:
    raise BadInput("one", "two")


async def ask(path: Path, line: bytes) -> dict[str, object]:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(line)
    writer.write_eof()
    answer: dict[str, object] = json.loads(await reader.read())
    writer.close()
    return answer


async def test_the_client_finds_the_pods(labs: Path) -> None:
    pods = [{"name": "web-1", "admin_url": "http://127.64.0.2:8081"}]

    async def tell(_request: Request) -> dict[str, object]:
        return {"pods": pods}

    control = Control(labs / SOCKET, {"pods": tell})
    await control.start()
    (found,) = (await asyncio.to_thread(running_labs, labs)).values()
    control.close()

    assert found == pods
    assert not list(labs.iterdir())  # noqa: ASYNC240 - nothing else runs


async def test_only_the_user_may_ask(labs: Path) -> None:
    control = Control(labs / SOCKET, {})
    await control.start()
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (labs, labs / SOCKET)]
    control.close()

    assert modes == [0o700, 0o600]


@pytest.mark.parametrize("line", [b"\n", b"{}\n", b"nonsense\n", b'{"op":"dance"}\n', b'{"op":[]}\n', b"7\n", b""])
async def test_a_bad_question_gets_an_answer_that_says_what_is_allowed(labs: Path, line: bytes) -> None:
    control = Control(labs / SOCKET, {"pods": refuse})
    await control.start()
    answer = await ask(labs / SOCKET, line)
    control.close()

    assert answer == {"error": 'must be one line of JSON, {"op": NAME}; there are: pods'}


async def test_a_refusal_is_an_answer(labs: Path) -> None:
    control = Control(labs / SOCKET, {"pods": refuse})
    await control.start()
    answer = await ask(labs / SOCKET, b'{"op":"pods"}\n')
    control.close()

    assert answer == {"error": "one\ntwo"}


async def test_a_path_that_is_too_long_is_an_error(tmp_path: Path) -> None:
    control = Control(tmp_path / ("x" * 200), {})
    with pytest.raises(OSError, match="AF_UNIX path too long"):
        await control.start()
    control.close()
