"""Simple commands: how long they take, how they end, and what they leave behind."""

from __future__ import annotations

import math

import pytest

from crashy.engines.sim.files import ContainerFiles
from crashy.patient.commands import Ended, Other
from crashy.patient.shell import known, modelled, others, run


def empty() -> ContainerFiles:
    return ContainerFiles({}, (), lambda _: False)


def play(command: tuple[str, ...], *, code: int = 0, most: int = 4) -> list[float | str | int]:
    """Return what a command waits for and asks others to run, and its exit code if it ends by itself."""
    seen: list[float | str | int] = []
    course = run(command, empty())
    sent: int | None = None
    try:
        while len(seen) < most:
            wanted = course.send(sent)
            sent = code if isinstance(wanted, Other) else None
            seen.append(" ".join(wanted.words) if isinstance(wanted, Other) else wanted)
    except StopIteration as stop:
        ended: Ended = stop.value
        seen.append(ended.code)
    return seen


@pytest.mark.parametrize(
    ("script", "seen"),
    [
        ("true", [0]),
        ("false", [1]),
        ("exit 3", [3]),
        ("exit " + "9" * 5000, [0]),
        ("exit 3; sleep 1", [3]),
        ("echo $HOSTNAME", [0]),
        ("sleep 1.5; sleep 1m 1s", [1.5, 61.0, 0]),
        ("sleep infinity", [math.inf, 0]),
        ("sleep soon", [1]),
        ("touch /tmp/ok; sleep 30; rm /tmp/ok; sleep 600", [30.0, 600.0, 0]),
        ("touch /tmp/ok && cat /tmp/ok && rm /tmp/ok && ! test -f /tmp/ok", [0]),
        ("echo on > /tmp/on; [ -f /tmp/on ]", [0]),
        ("cat /tmp/none 2>/dev/null || exit 7", [7]),
        ("rm /tmp/none", [1]),
        ("rm -rf /tmp/none", [0]),
        ("false && sleep 1 || sleep 2", [2.0, 0]),
        ("while true; do sleep 5; done", [5.0, 5.0, 5.0, 5.0]),
        ("while true; do true; done", [1.0, 1.0, 1.0, 1.0]),
        ("until test -f /x; do sleep 1; touch /x; done", [1.0, 0]),
        ("if [ -f /x ]; then exit 1; else exit 5; fi", [5]),
        ("sleep 1 # a while\nexit 2", [1.0, 2]),
        ("nc -z localhost 80 || exit 1", ["nc -z localhost 80", 0]),
        ("sleep 2; exec nginx", [2.0, "nginx", 0]),
        ("a | b", ["sh -c a | b", 0]),
        ("X=1 true", ["sh -c X=1 true", 0]),
        ("sleep $LONG", ["sleep $LONG", 0]),
    ],
)
def test_a_script_runs(script: str, seen: list[float | str | int]) -> None:
    assert play(("sh", "-c", script)) == seen


def test_what_is_not_modelled_decides_as_it_ends() -> None:
    assert play(("/bin/bash", "-ec", "pg_isready || exit 9"), code=2) == ["pg_isready", 9]


def test_a_command_needs_no_shell() -> None:
    assert play(("/bin/sleep", "3600")) == [3600.0, 0]
    assert play(("redis-cli", "ping"), code=1) == ["redis-cli ping", 1]


def test_what_is_beyond_it_is_named() -> None:
    assert others(("sh", "-c", "touch /x; ./server || exit 1")) == ["./server"]
    assert others(("sh", "-c", "for i in 1 2; do true; done")) == ["sh"]
    assert others(("sleep", "1")) == []


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("! " * 5000 + "true", id="not"),
        pytest.param("if true; then " * 5000 + "true" + "; fi" * 5000, id="if"),
        pytest.param("while " * 5000 + "true", id="while"),
    ],
)
def test_what_is_nested_too_deeply_is_beyond_it(script: str) -> None:
    assert not modelled(["sh", "-c", script])


def test_arguments_alone_may_be_a_command() -> None:
    assert known(("sh", "-c", "x"))
    assert known(("sleep", "1"))
    assert not known(("--port", "80"))


def test_the_files_of_a_volume_are_its_pods_and_outlive_the_container() -> None:
    volumes: dict[str, dict[str, bool]] = {"v": {}}
    one = ContainerFiles(volumes, ({"name": "v", "mountPath": "/data"},), lambda _: False)
    other = ContainerFiles(volumes, ({"name": "v", "mountPath": "/in", "subPath": "a"},), lambda _: True)

    one.write("/data/a/ok")
    one.write("/tmp/own")
    assert other.exists("/in/ok")
    one.remove("/data/a")
    assert not other.exists("/in/ok")
    one.write("/data/b")
    one.remove("/data")
    assert not one.exists("/data/b")
    assert not ContainerFiles(volumes, (), lambda _: False).exists("/tmp/own")
