"""The lines of the plain view."""

from __future__ import annotations

from typing import Any, cast

from crashy.engines.base import Engine
from crashy.engines.lab.view import PlainView
from crashy.timeline import Timeline


def lines(*endpoints: dict[str, Any]) -> list[str]:
    """Give what is written of a Service's `endpoints` events."""
    written: list[str] = []
    timeline = Timeline(lambda: 0.0)
    timeline.subscribe(PlainView(cast("Engine", None), written.append))
    for data in endpoints:
        timeline.add("endpointslice-controller", "endpoints", "service/web", **data)
    return [line.partition("service/web")[2].strip() for line in written]


def test_endpoints_are_named_and_of_many_who_joined_and_left() -> None:
    counts = {"ready": 101, "not_ready": 0, "serving": 101}
    shown = lines(
        {"serving": []},
        {"serving": ["web-1", "web-2"]},
        {"joined": ["web-3"], "left": [], "counts": counts},
        {"joined": [], "left": [], "counts": counts | {"not_ready": 1}},
        {"joined": ["web-4"], "left": ["web-1", "web-2"], "counts": counts},
    )

    assert shown == ["<none>", "web-1, web-2", "101 pods; joined web-3", "101 pods; joined web-4; left web-1, web-2"]
