"""A namespace of a run's own: its name, who it belongs to, which ones are never touched."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.clock import VirtualLoop
from crashy.engines.kube.api import ApiError
from crashy.engines.kube.namespace import MANAGED, Namespace, delete, draw_name, left_behind, ours, refuse_system
from crashy.errors import BadInput
from tests.engines.kube.fakes import FakeApi, refused

MINE = {**MANAGED, "crashy/run": "05-x-abcde"}


@given(st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True))
def test_a_name_is_one_that_kubernetes_takes(experiment: str) -> None:
    name = draw_name(experiment)

    assert len(name) <= 63
    assert name.startswith("crashy-")
    assert "--" not in name[-7:]


@pytest.mark.parametrize(
    ("name", "labels", "mine"),
    [
        ("crashy-05-x-abcde", MINE, True),
        ("crashy-05-x-abcde", {**MINE, "team": "a"}, True),
        ("crashy-05-x-abcde", MANAGED, False),
        ("crashy-05-x-abcde", {"crashy/run": "05-x-abcde"}, False),
        ("default", MINE, False),
        ("kube-system", {**MANAGED, "crashy/run": "kube-system"}, False),
        ("crashy-shop", {**MANAGED, "crashy/run": "05-x-abcde"}, False),
        ("crashy", {}, False),
    ],
)
def test_only_what_a_run_made_is_ever_deleted(name: str, labels: dict[str, str], mine: bool) -> None:
    item = {"metadata": {"name": name, "uid": "u", "labels": labels}}
    api = FakeApi(lambda *_: {"items": [item]})

    assert ours(item) is mine
    assert [n.name for n in asyncio.run(left_behind(api))] == [name] * mine  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["kube-system", "kube-public", "kube-node-lease", "calico-system"])
def test_a_guest_is_not_let_into_a_system_namespace(name: str) -> None:
    with pytest.raises(BadInput, match="is a system namespace"):
        refuse_system(name)


def test_a_namespace_is_deleted_with_its_pods_in_a_hurry() -> None:
    bodies: list[tuple[str, str, Any]] = []
    states = {"a": {"running": {}}, "b": {"waiting": {}}}
    pods = [
        {"metadata": {"name": name}, "status": {"containerStatuses": [{"state": state}]}}
        for name, state in states.items()
    ]
    there = iter([True, False])

    def answers(method: str, path: str, body: Any) -> Any:
        bodies.append((method, path, body))
        if path.endswith("/pods"):
            return {"items": pods}
        if method == "GET":
            return {"metadata": {"uid": "u"}} if next(there) else refused(404)
        return {}

    assert asyncio.run(delete(FakeApi(answers), Namespace("crashy-x", "u")))  # type: ignore[arg-type]
    path = "/api/v1/namespaces/crashy-x"
    assert [body for body in bodies if body[0] == "DELETE"] == [
        ("DELETE", path, {"preconditions": {"uid": "u"}}),
        ("DELETE", f"{path}/pods/a", {"gracePeriodSeconds": 1}),
        ("DELETE", f"{path}/pods/b", {"gracePeriodSeconds": 0}),
    ]


def test_a_namespace_that_is_gone_is_deleted() -> None:
    assert asyncio.run(delete(FakeApi(lambda *_: refused(404)), Namespace("crashy-x", "u")))  # type: ignore[arg-type]


@pytest.mark.parametrize("trouble", [ApiError(0, "connection reset"), refused(429), refused(500), refused(409)])
def test_a_namespace_is_deleted_through_trouble(trouble: Any) -> None:
    there = {"metadata": {"uid": "u"}}
    answers = {
        ("DELETE", "crashy-x"): iter([trouble, {}]),  # 409: somebody has deleted it already
        ("GET", "pods"): iter([{}]),
        ("GET", "crashy-x"): iter([there, there, refused(404)]),
    }

    async def run() -> None:
        api = FakeApi(lambda method, path, _: next(answers[method, path.rpartition("/")[2]]))
        assert await delete(api, Namespace("crashy-x", "u"))  # type: ignore[arg-type]

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(run())
    assert list(answers["GET", "crashy-x"]) == []


def test_a_namespace_that_stays_is_reported() -> None:
    async def run() -> None:
        api = FakeApi(lambda *_: {"metadata": {"uid": "u"}})
        assert not await delete(api, Namespace("crashy-x", "u"))  # type: ignore[arg-type]

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(run())


def test_one_that_may_not_be_deleted_is_an_error() -> None:
    with pytest.raises(ApiError, match="forbidden"):
        asyncio.run(delete(FakeApi(lambda *_: refused(403, "forbidden")), Namespace("x", "u")))  # type: ignore[arg-type]
