"""One line an event, on standard output."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from crashy.faults.scope import Client
from crashy.server.answered import GAVE_UP, answered
from crashy.server.logs import Log
from crashy.timeline import Timeline

STAMP = "1970-01-01T00:00:01.500Z"


def written(*, as_json: bool = False, reason: str = "", message: str = "", kind: str = "log", **data: Any) -> str:
    stream = io.StringIO()
    timeline = Timeline(lambda: 0.0)
    timeline.subscribe(Log(stream, as_json=as_json, wall=lambda: 1.5))
    timeline.add("web-1", kind, "pod/web-1", reason, message, **data)
    return stream.getvalue()


def requested(
    method: str = "GET",
    path: str = "/",
    client: Client = "users",
    status: int = 200,
    seconds: float = 0.0,
    remote: str = "127.0.0.1",
    service: str | None = None,
    *,
    as_json: bool = False,
) -> str:
    stream = io.StringIO()
    Log(stream, as_json=as_json, wall=lambda: 1.5).answered(
        "web-1", method, path, client, status, seconds, remote, service
    )
    return stream.getvalue()


def test_a_line_of_text_has_time_level_reason_and_message() -> None:
    assert written(reason="Started", message="fault f1: freeze") == f"{STAMP} info Started: fault f1: freeze\n"
    assert written(reason="Open", message="no token", level="warning") == f"{STAMP} warning Open: no token\n"


def test_what_the_app_says_stands_alone_on_its_line() -> None:
    assert written(reason="Said", message="Application Ready!") == "Application Ready!\n"


def test_a_line_of_json_is_one_object() -> None:
    line = written(as_json=True, reason="Said", message='a "quote"\nand \udc80', kind="log")

    assert line.count("\n") == 1
    assert json.loads(line) == {
        "time": STAMP,
        "level": "info",
        "pod": "web-1",
        "kind": "log",
        "reason": "Said",
        "message": 'a "quote"\nand \udc80',
    }


@pytest.mark.parametrize(
    ("client", "status", "lines"),
    [("users", 200, 1), ("users", 503, 1), ("kubelet", 200, 0), ("kubelet", 399, 0), ("kubelet", 503, 1)],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_healthy_kubelet_probe_has_no_line(client: Client, status: int, lines: int, *, as_json: bool) -> None:
    assert requested(client=client, status=status, as_json=as_json).count("\n") == lines


def test_a_request_has_the_line_that_its_event_would_have() -> None:
    event = answered("web-1", 0.0, "POST", "/a", "users", 200, 0.00125, "127.0.0.1", "startup")
    for as_json in (False, True):
        stream = io.StringIO()
        Log(stream, as_json=as_json, wall=lambda: 1.5)(event)

        assert requested("POST", "/a", seconds=0.00125, service="startup", as_json=as_json) == stream.getvalue()
    assert requested("POST", "/a", seconds=0.00125) == f"{STAMP} info Answered: POST /a 200 1.25ms 127.0.0.1\n"
    assert requested(status=GAVE_UP) == f"{STAMP} info GaveUp: GET / 499 0ms 127.0.0.1\n"


def test_a_client_cannot_forge_lines() -> None:
    assert requested(path="/a\nb \x1b[0m \udc80") == (
        f"{STAMP} info Answered: GET /a\\nb \\x1b[0m \\udc80 200 0ms 127.0.0.1\n"
    )


def test_a_reader_that_has_gone_does_not_matter() -> None:
    stream = io.StringIO()
    stream.close()
    timeline = Timeline(lambda: 0.0)
    timeline.subscribe(Log(stream, as_json=False))
    timeline.add("web-1", "log", "pod/web-1", "Started", "x")
