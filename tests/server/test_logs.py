"""One line an event, on standard output."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from crashy.server.logs import Log
from crashy.timeline import Timeline

REQUEST = {"client": "users", "probe": None, "status": 200}
STAMP = "1970-01-01T00:00:01.500Z"


def written(*, as_json: bool = False, reason: str = "", message: str = "", kind: str = "log", **data: Any) -> str:
    stream = io.StringIO()
    timeline = Timeline(lambda: 0.0)
    timeline.subscribe(Log(stream, as_json=as_json, wall=lambda: 1.5))
    timeline.add("web-1", kind, "pod/web-1", reason, message, **data)
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
    ("data", "lines"),
    [
        ({}, 1),
        ({"client": "kubelet", "probe": "readiness"}, 0),
        ({"client": "kubelet", "probe": "readiness", "status": 503}, 1),
        ({"client": "kubelet", "probe": None}, 0),
        ({"client": "kubelet", "probe": None, "status": 404}, 1),
        ({"probe": "readiness"}, 1),
    ],
)
def test_a_healthy_kubelet_probe_has_no_line(data: dict[str, Any], lines: int) -> None:
    assert written(kind="request", **{**REQUEST, **data}).count("\n") == lines


def test_a_client_cannot_forge_lines() -> None:
    assert written(reason="Answered", message="GET /a\nb \x1b[0m \udc80") == (
        f"{STAMP} info Answered: GET /a\\nb \\x1b[0m \\udc80\n"
    )


def test_a_reader_that_has_gone_does_not_matter() -> None:
    stream = io.StringIO()
    stream.close()
    timeline = Timeline(lambda: 0.0)
    timeline.subscribe(Log(stream, as_json=False))
    timeline.add("web-1", "log", "pod/web-1", "Started", "x")
