"""The live picture fits its terminal, whatever there is to show."""

from __future__ import annotations

import asyncio
import io
from typing import Any, cast

import pytest
from rich.console import Console

from crashy.clock import run_virtual
from crashy.engines.base import Engine
from crashy.engines.lab.live import LiveView
from crashy.timeline import Timeline
from tests.controllers.worlds import TWO, world

REFUSED = 'Readiness probe failed: Get "http://127.64.0.2:8080/readyz": dial tcp 127.64.0.2:8080: connect: refused '


def picture(width: int, height: int, *, replicas: int = 3) -> list[str]:
    """Draw pods under traffic, with more events than fit and return the lines."""
    deployment: dict[str, Any] = {**TWO, "spec": {**cast("dict[str, Any]", TWO["spec"]), "replicas": replicas}}

    async def main() -> list[str]:
        async with world(deployment) as here:
            timeline = Timeline(asyncio.get_running_loop().time)
            console = Console(width=width, height=height, file=io.StringIO())
            view = LiveView(cast("Engine", here.cluster), timeline, console)
            timeline.subscribe(view)
            timeline.add(
                "lab", "service", "service/web", "Listening", "http://127.0.0.1:30080", namespace="default", port=80
            )
            for i in range(60):
                timeline.add("kubelet", "event", "pod/web", "Unhealthy", f"{REFUSED}{i}", type="Warning")
            timeline.add("lab", "fault", "pod/web", "Injected", "freeze for=10s")
            for i in range(200):
                ok = i != 198
                timeline.add(
                    "traffic",
                    "request",
                    "service/web",
                    "200" if ok else "timeout",
                    sent=i / 50,
                    ok=ok,
                    pod=f"web-{i % replicas}",
                )
            return [
                "".join(segment.text for segment in line).rstrip()
                for line in console.render_lines(view.draw(), pad=False)
            ]

    lines: list[str] = run_virtual(main())
    return lines


@pytest.mark.parametrize("width", [40, 80, 160])
@pytest.mark.parametrize("height", [24, 50])
@pytest.mark.parametrize("replicas", [1, 3, 100])
def test_it_takes_no_more_room_than_there_is_and_shows_some_of_each(width: int, height: int, replicas: int) -> None:
    lines = picture(width, height, replicas=replicas)
    text = "\n".join(lines)

    assert height - 6 <= len(lines) <= height
    assert max(map(len, lines)) <= width
    assert all(word in text for word in ("service/web", "NAME", "LAST SEEN", "Injected", "freeze for=10s", "users"))


@pytest.mark.parametrize("width", [80, 160])
def test_messages_are_shown_whole(width: int) -> None:
    text = " ".join("\n".join(picture(width, 24)).split())

    assert f"{REFUSED}59" in text


def test_of_many_pods_the_rest_is_counted() -> None:
    lines = picture(80, 24, replicas=100)
    head = next(i for i, line in enumerate(lines) if line.startswith("NAME"))
    rest = next(i for i, line in enumerate(lines) if line.startswith("…"))

    assert lines[rest] == f"… and {100 - (rest - head - 1)} more, {100 - (rest - head - 1)} of them ready"


def test_the_users_requests_are_a_strip_and_counts() -> None:
    *_, strip, counts = picture(80, 24)

    assert strip == "users     " + "▇" * 70
    assert counts == "last 10s  timeout 1, web-0 66, web-1 67, web-2 66"
