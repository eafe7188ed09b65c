"""Events of a cluster: each once, each repetition too, in the words of the timeline."""

from __future__ import annotations

from typing import Any

import pytest

from crashy.engines.kube.events import Events, record_of

Object = dict[str, Any]


def event(uid: str = "1", count: int | None = 1, **more: Any) -> Object:
    return {
        "metadata": {"uid": uid, "creationTimestamp": "2026-11-21T13:00:00Z"},
        "involvedObject": {
            "kind": "Pod",
            "name": "web-1",
            "namespace": "ns",
            "fieldPath": "spec.containers{web}",
        },
        "source": {"component": "kubelet"},
        "type": "Warning",
        "reason": "Unhealthy",
        "message": "Readiness probe failed",
        "count": count,
        "firstTimestamp": "2026-11-21T13:00:00Z",
        "lastTimestamp": "2026-11-21T13:00:07Z",
    } | more


@pytest.mark.parametrize(
    ("known", "seen", "counts"),
    [
        ([], [event(count=1), event(count=2), event(count=3)], [1, 2, 3]),
        ([], [event(count=1), event(count=1), event(count=2), event(count=2)], [1, 2]),
        ([], [event(count=1), event(count=5)], [1, 5]),
        ([], [event("1"), event("2")], [1, 1]),
        ([event(count=3)], [event(count=3), event(count=4)], [4]),
        ([event(count=3)], [event("2", count=1)], [1]),
        ([], [event(count=None), event(count=None, series={"count": 2})], [1, 2]),
        ([], [event(count=3), event(count=2)], [3]),
    ],
    ids=["counted", "listed again", "some held back", "two events", "from before", "new one", "series", "older copy"],
)
def test_what_is_new_is_reported(known: list[Object], seen: list[Object], counts: list[int]) -> None:
    events = Events()
    for one in known:
        events.know(one)

    news = [events.take(one) for one in seen]

    assert [one.data["count"] for one in news if one] == counts


def test_a_kubelets_event_has_what_the_labs_has() -> None:
    news = record_of(event(count=3))

    assert (news.source, news.object, news.reason, news.message) == (
        "kubelet",
        "pod/web-1",
        "Unhealthy",
        "Readiness probe failed",
    )
    assert news.data == {"type": "Warning", "namespace": "ns", "container": "web", "count": 3, "over": 7.0}
    assert news.stamp == "2026-11-21T13:00:07Z"


def test_a_controllers_event_has_what_the_labs_has() -> None:
    about = {"kind": "ReplicaSet", "name": "web-5d9", "namespace": "ns"}
    news = record_of(event(source={"component": "replicaset-controller"}, involvedObject=about, type="Normal"))

    assert (news.source, news.object) == ("replicaset-controller", "replicaset/web-5d9")
    assert news.data == {"type": "Normal", "namespace": "ns"}


def test_an_event_of_the_newer_kind_is_read_too() -> None:
    about = {"kind": "Pod", "name": "web-1", "namespace": "ns"}
    times = {"firstTimestamp": None, "lastTimestamp": None, "eventTime": "2026-11-21T13:00:05.250000Z"}
    news = record_of(event(involvedObject=about, source={}, reportingComponent="default-scheduler", count=None) | times)

    assert (news.source, news.stamp) == ("default-scheduler", "2026-11-21T13:00:05.250000Z")
