"""What a namespace's watches tell, put on the timeline: on virtual time, against an API server of a few lines."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from crashy.clock import VirtualLoop
from crashy.engines.kube.clock import ClusterClock, seconds
from crashy.engines.kube.view import View
from crashy.errors import BadInput
from crashy.timeline import Event, Timeline
from tests.engines.kube.fakes import FakeApi, refused
from tests.engines.kube.test_events import event
from tests.engines.kube.test_pods import pod

Object = dict[str, Any]
NS = "/api/v1/namespaces/ns"
FOR_EVER = 1e6
RUNNING = {"running": {"startedAt": "2026-11-21T13:00:00Z"}}


def meta(uid: str, **more: Any) -> Object:
    return {"metadata": {"name": uid, "uid": uid, "resourceVersion": "1", **more}}


def slice_of(service: str, *pods: str, ready: bool = True) -> Object:
    endpoints = [
        {"addresses": ["10.0.0.1"], "targetRef": {"name": name}, "conditions": {"ready": ready}} for name in pods
    ]
    return meta(f"{service}-x", labels={"kubernetes.io/service-name": service}) | {"endpoints": endpoints}


def progressing(reason: str) -> Object:
    condition = {"type": "Progressing", "status": "True", "reason": reason, "message": "so"}
    return meta("web") | {"status": {"conditions": [condition]}}


def changes(*objects: Object, kind: str = "MODIFIED") -> list[Any]:
    for one in objects:
        one["metadata"].setdefault("resourceVersion", "2")
    return [*({"type": kind, "object": one} for one in objects), FOR_EVER]


def watched(lists: dict[str, list[Object]], streams: list[Any], selector: str = "") -> tuple[list[Event], FakeApi]:
    """Follow a namespace for a second; `streams` are those of pods, events, slices and Deployments."""

    def answers(method: str, path: str, body: object) -> Object:
        del method, body
        if path == "/apis/discovery.k8s.io":
            return {"versions": [{"groupVersion": "discovery.k8s.io/v1beta1"}]}
        what = path.partition("?")[0].rpartition("/")[2]
        return {"metadata": {"resourceVersion": "1"}, "items": lists.get(what, [])}

    api = FakeApi(answers)
    api.streams = [*streams, *[[FOR_EVER]] * (4 - len(streams))]

    async def run() -> list[Event]:
        loop = asyncio.get_running_loop()
        timeline = Timeline(loop.time)
        clock = ClusterClock(loop.time() - seconds("2026-11-21T13:00:07Z"), 0.01)
        async with asyncio.TaskGroup() as tasks:
            view = View(
                api,  # type: ignore[arg-type]
                "ns",
                timeline,
                clock,
                tasks=tasks,
                note=lambda _: None,
                selector=selector,
            )
            await view.start()
            await asyncio.sleep(1)
            view.stop()
        return timeline.since()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(run()), api


def test_all_of_a_namespace_of_our_own_is_reported() -> None:
    streams = [
        changes(pod("1", RUNNING)),
        changes(event(), event("2", involvedObject={"kind": "ReplicaSet", "name": "web-5d9", "namespace": "ns"})),
        changes(slice_of("web"), slice_of("web", "web-1"), slice_of("web", "web-1"), slice_of("web")),
        changes(
            progressing("NewReplicaSetCreated"), progressing("ReplicaSetUpdated"), progressing("ReplicaSetUpdated")
        ),
    ]
    reported, api = watched({}, streams)

    assert sorted({one.kind for one in reported}) == ["condition", "endpoints", "event", "pod"]
    assert [one.object for one in reported if one.kind == "event"] == ["pod/web-1", "replicaset/web-5d9"]
    assert [one.data["ready"] for one in reported if one.kind == "endpoints"] == [[], ["web-1"], []]
    assert [one.reason for one in reported if one.kind == "condition"] == ["NewReplicaSetCreated", "ReplicaSetUpdated"]
    assert ("WATCH", "/apis/discovery.k8s.io/v1beta1/namespaces/ns/endpointslices") in [
        (method, path.partition("?")[0]) for method, path in api.requested
    ]


def test_of_more_than_a_hundred_endpoints_who_joined_and_left_is_reported() -> None:
    names = [f"web-{i}" for i in range(102)]
    reported, _ = watched(
        {}, [[FOR_EVER], [FOR_EVER], changes(slice_of("web", *names[:101]), slice_of("web", *names[1:]))]
    )

    counts = {"ready": 101, "not_ready": 0, "serving": 101}
    assert [one.data for one in reported] == [
        {"namespace": "ns", "joined": sorted(names[:101]), "left": [], "counts": counts},
        {"namespace": "ns", "joined": ["web-101"], "left": ["web-0"], "counts": counts},
    ]


def test_a_guest_is_reported_of_its_pods_alone() -> None:
    lists = {"pods": [pod("1")], "events": [event("old", count=3)], "endpointslices": [slice_of("other", "x-1")]}
    about = {"kind": "Pod", "name": "x-1", "namespace": "ns"}
    streams = [
        [FOR_EVER],
        changes(event("old", count=3), event("old", count=4), event("3", involvedObject=about)),
        changes(slice_of("other"), slice_of("web", "web-1"), slice_of("web", "web-1", ready=False), slice_of("web")),
    ]
    reported, api = watched(lists, streams, selector="app=web")

    assert [(one.object, one.data["count"]) for one in reported if one.kind == "event"] == [("pod/web-1", 4)]
    assert [one.object for one in reported if one.kind == "endpoints"] == ["service/web"] * 3
    assert not [path for _, path in api.requested if "deployments" in path]
    assert f"{NS}/pods?labelSelector=app%3Dweb" in [path for _, path in api.requested]


@pytest.mark.parametrize(("selector", "tail"), [("", False), ("app=web", True)])
def test_a_containers_log_is_reported_once_in_each_of_its_lives(selector: str, tail: bool) -> None:
    def lives(uid: str) -> Object:
        one = pod("1", RUNNING)
        one["status"]["containerStatuses"][0]["containerID"] = uid
        return one

    reported, api = watched({"pods": [lives("a")]}, [changes(lives("a"), lives("b"))], selector)
    requested = [path for method, path in api.requested if method == "LOG"]

    assert [one.message for one in reported if one.kind == "log"] == ["one", "two"] * 2
    assert [path.startswith(f"{NS}/pods/web-1/log?container=web&follow=true") for path in requested] == [True, True]
    assert ["tailLines=0" in path for path in requested] == [tail, False]  # what a guest's pod wrote before is no news


def test_a_watch_that_is_refused_ends_the_run() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        watched({}, [[refused(403, 'events is forbidden: User "x" cannot watch').error()]])

    (error,) = caught.value.exceptions
    assert isinstance(error, BadInput)
    assert error.lines[0] == f'kube: watch {NS}/pods: events is forbidden: User "x" cannot watch'
    assert "manifests/rbac.yaml" in error.lines[1]
