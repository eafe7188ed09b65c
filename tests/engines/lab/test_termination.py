"""A container's last words, as the kubelet takes them from its file or, if it says so, from its log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crashy.engines.lab.termination import TerminationMessage
from crashy.objects.pod import Container
from tests.engines.lab.test_runtime import container, until

LOGS = "FallbackToLogsOnError"


async def last_words(script: str, **values: Any) -> str:
    """Return the message of a container that runs a shell's script to its end."""
    async with container("sh", "-c", script, **values) as c:
        await until(lambda: c.exits)
        return c.exits[0].message


@pytest.mark.parametrize(
    ("script", "values", "message"),
    [
        ("echo bye > /dev/termination-log", {}, "bye\n"),
        ("echo bye > /dev/termination-log; exit 3", {}, "bye\n"),
        ("true", {}, ""),
        ("echo said; exit 3", {}, ""),
        ("echo bye > /tmp/my-words", {"terminationMessagePath": "/tmp/my-words"}, "bye\n"),
        ("echo bye > /my-words", {"terminationMessagePath": "my-words"}, "bye\n"),
        ("echo bye > /dev/termination-log", {"terminationMessagePath": "/tmp/my-words"}, ""),
        ("echo said; echo so >&2; exit 3", {"terminationMessagePolicy": LOGS}, "said\nso\n"),
        ("echo said", {"terminationMessagePolicy": LOGS}, ""),
        ("echo said; echo bye > /dev/termination-log; exit 3", {"terminationMessagePolicy": LOGS}, "bye\n"),
        ("rm /dev/termination-log; echo said; exit 3", {"terminationMessagePolicy": LOGS}, "said\n"),
        ("echo said; kill -KILL $$$$", {"terminationMessagePolicy": LOGS}, "said\n"),
    ],
)
async def test_the_message_of_a_container(script: str, values: dict[str, str], message: str) -> None:
    assert await last_words(script, **values) == message


async def test_each_life_has_its_own() -> None:
    script = 'test -s "$FILE" && exit 9; echo bye > "$FILE"; exit 3'
    env = [{"name": "FILE", "value": "/dev/termination-log"}]
    async with container("sh", "-c", script, env=env) as c:
        await until(lambda: len(c.exits) == 1)
        await c.begin()
        await until(lambda: len(c.exits) == 2)

        assert [(exited.exit_code, exited.message) for exited in c.exits] == [(3, "bye\n")] * 2


@pytest.mark.parametrize(
    ("data", "log", "read"),
    [
        (b"x" * 10 + b"y" * 4096, [], "y" * 4096),
        (b"\xff", [], "\N{REPLACEMENT CHARACTER}"),
        (b"", [f"line {number}" for number in range(100)], "".join(f"line {number}\n" for number in range(20, 100))),
        (b"", ["x", "y" * 2047], "y" * 2047 + "\n"),
        (b"", ["y" * 4096], "y" * 2047 + "\n"),
    ],
)
def test_the_end_of_a_long_message_is_read(tmp_path: Path, data: bytes, log: list[str], read: str) -> None:
    message = TerminationMessage(tmp_path, Container("app", termination_message_policy=LOGS))
    message.begin()
    (tmp_path / "termination" / "app" / "message").write_bytes(data)

    assert message.read(1, log) == read


def test_what_is_no_file_is_told_as_the_kubelet_does(tmp_path: Path) -> None:
    message = TerminationMessage(tmp_path, Container("app", termination_message_policy=LOGS))
    (tmp_path / "termination" / "app" / "message").mkdir(parents=True)

    assert message.read(1, ["said"]) == "Error on reading termination log /dev/termination-log: Is a directory"
