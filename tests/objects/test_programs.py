"""What the words of a command tell of what it runs."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.objects import programs


def test_its_examples() -> None:
    assert doctest.testmod(programs).failed == 0


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["redis-cli", "ping"], [("redis-cli", "ping")]),
        (["/usr/bin/tini", "-s", "--", "redis-cli", "ping"], [("redis-cli", "ping")]),
        (["timeout", "-k", "1", "5", "a"], [("5", "a")]),  # an option's value is not told from the rest
        (["timeout", "5", "a", "b"], [("a", "b")]),
        (["env", "A=1", "a"], [("a",)]),
        (["bash", "-ec", "exec a -x"], [("a", "-x")]),
        (["sh", "-c", "a && b; c | d || (e)"], [("a",), ("b",), ("c",), ("d",), ("e",)]),
        (["sh", "-c", "a\nb 'c; d'"], [("a",), ("b", "c; d")]),
        (["sh", "-c", "a 'b"], [("a", "'b")]),
        (["sh", "-c", "sh -c 'a; b'"], [("a",), ("b",)]),
        (["sh", "/probe.sh"], [("sh", "/probe.sh")]),
        (["tini"], []),
    ],
)
def test_what_a_command_comes_down_to(command: list[str], expected: list[tuple[str, ...]]) -> None:
    assert list(programs.programs(command)) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("redis-cli ping", []),
        ("redis-cli -h redis -p 6379 ping", ["redis"]),
        ("redis-cli -hredis ping", ["redis"]),
        ("mysqladmin --host=db.prod ping", ["db.prod"]),
        ("pg_isready -h 127.0.0.1", []),
        ("curl -fsS http://api.svc:8080/x", ["api.svc"]),
        ("curl localhost/health", []),
        ("wget -q -O- https://[::1]/", []),
        ("curl http://$HOST/", []),
        ("nc -z db 5432", ["db"]),
        ("crashy probe --redis redis:6379 --tcp localhost:1", ["redis"]),
        ("mongosh mongodb://mongo-0/db", ["mongo-0"]),
        ("curl http://[broken", []),
    ],
)
def test_whom_a_client_asks(words: str, expected: list[str]) -> None:
    assert list(programs.hosts(tuple(words.split()))) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["sleep", "5"], 5),
        (["sh", "-c", "sleep 2; sleep 0.5s"], 2.5),
        (["sh", "-c", "nginx -s quit; sleep 5"], None),
        (["sleep", "$N"], None),
    ],
)
def test_how_long_a_command_only_sleeps(command: list[str], expected: float | None) -> None:
    assert programs.sleeps(command) == expected


@given(st.lists(st.sampled_from(["sh", "-c", "tini", "--", "curl", "nc", "-h", "redis-cli"]) | st.text(), min_size=1))
def test_any_command_can_be_read(command: list[str]) -> None:
    for argv in programs.programs(command):
        assert argv
        assert all(list(programs.hosts(argv)))
    programs.sleeps(command)
    programs.reaps(command)
    programs.shell(command)
