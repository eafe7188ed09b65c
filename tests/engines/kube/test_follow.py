"""A list and a watch after it, through whatever breaks a watch: on virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from crashy.clock import VirtualLoop
from crashy.engines.kube.api import ApiError
from crashy.engines.kube.follow import follow
from tests.engines.kube.fakes import FakeApi, status


def change(kind: str, version: int) -> Any:
    return {"type": kind, "object": {"metadata": {"resourceVersion": str(version), "name": f"o{version}"}}}


GONE = {"type": "ERROR", "object": status(410, "too old")}
LOST = ApiError(0, "connection reset")


@pytest.mark.parametrize(
    ("streams", "seen", "versions"),
    [
        ([[change("ADDED", 11), change("MODIFIED", 12)], []], ["list", "o11", "o12"], ["10", "12", "12"]),
        ([[change("ADDED", 11), LOST], [change("MODIFIED", 12)]], ["list", "o11", "o12"], ["10", "11", "12"]),
        ([[change("BOOKMARK", 15)], [change("ADDED", 16)]], ["list", "o16"], ["10", "15", "16"]),
        ([[change("ADDED", 11), GONE], [change("ADDED", 21)]], ["list", "o11", "list", "o21"], ["10", "20", "21"]),
        ([[ApiError(410, "gone")], []], ["list", "list"], ["10", "20", "20"]),
        ([[LOST], [LOST], [LOST], [change("ADDED", 11)]], ["list", "o11"], ["10", "10", "10", "10", "11"]),
    ],
    ids=["ended", "lost", "bookmark", "410 in the stream", "410 at once", "down for a while"],
)
def test_nothing_is_lost_and_nothing_comes_twice(streams: list[Any], seen: list[str], versions: list[str]) -> None:
    lists = iter(("10", "20", "30"))
    api = FakeApi(lambda *_: {"metadata": {"resourceVersion": next(lists)}, "items": []})
    api.streams = list(streams)
    reported: list[str] = []

    async def run() -> None:
        with pytest.raises(ApiError, match="the test is over"):
            await follow(
                api,  # type: ignore[arg-type]
                "/pods",
                listed=lambda _: reported.append("list"),
                changed=lambda _, one: reported.append(one["metadata"]["name"]),
                trouble=lambda _: None,
            )

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(run())

    assert reported == seen
    watched = [path for method, path in api.requested if method == "WATCH"]
    assert [path.partition("resourceVersion=")[2].partition("&")[0] for path in watched] == versions


def test_trouble_is_reported_and_waited_out() -> None:
    answers = iter([LOST, LOST, {"metadata": {"resourceVersion": "1"}}])
    api = FakeApi(lambda *_: next(answers))
    troubles: list[str] = []

    async def run() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(ApiError):
            await follow(
                api,  # type: ignore[arg-type]
                "/pods",
                listed=lambda _: None,
                changed=lambda *_: None,
                trouble=troubles.append,
                selector="app=web",
            )
        return loop.time() - began

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(run()) == pytest.approx(0.2 + 0.4)
    assert troubles == ["/pods: connection reset"] * 2
    assert all("labelSelector=app%3Dweb" in path for _, path in api.requested)
