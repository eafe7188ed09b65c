"""The pods of a namespace, as its watch tells them."""

from __future__ import annotations

from typing import Any

import pytest

from crashy.engines.kube.clock import seconds
from crashy.engines.kube.pods import Pods
from crashy.errors import BadInput
from crashy.timeline import Timeline

Object = dict[str, Any]


def pod(uid: str, state: Object | None = None, *, image: str = "crashy-app:1.0.0", made: int = 0) -> Object:
    statuses = [{"name": "web", "state": state, "restartCount": 0}] if state else []
    return {
        "metadata": {
            "name": f"web-{uid}",
            "namespace": "ns",
            "uid": uid,
            "creationTimestamp": f"2026-11-21T13:00:0{made}Z",
        },
        "spec": {"containers": [{"name": "web", "image": image}]},
        "status": {"phase": "Pending", "containerStatuses": statuses},
    }


def waiting(reason: str) -> Object:
    return {"waiting": {"reason": reason, "message": "it says why"}}


@pytest.fixture
def timeline() -> Timeline:
    return Timeline(lambda: 0.0)


@pytest.fixture
def pods(timeline: Timeline) -> Pods:
    return Pods(timeline, seconds, {})


def reported(timeline: Timeline) -> list[tuple[str, str]]:
    return [(event.object, event.reason) for event in timeline.since()]


def test_pods_are_listed_in_the_order_of_their_creation(pods: Pods) -> None:
    pods.listed([pod("b", made=2), pod("a", made=1)])
    pods.changed("ADDED", pod("c", made=3))

    assert [view.pod.name for view in pods.views()] == ["web-a", "web-b", "web-c"]


def test_a_status_is_reported_when_it_changes_and_only_then(pods: Pods, timeline: Timeline) -> None:
    pods.listed([pod("a")])
    pods.changed("MODIFIED", pod("a"))
    pods.changed("MODIFIED", pod("a", {"running": {"startedAt": "2026-11-21T13:00:05Z"}}))
    pods.changed("DELETED", pod("a"))

    assert reported(timeline) == [("pod/web-a", "Pending"), ("pod/web-a", "Pending"), ("pod/web-a", "Deleted")]
    assert timeline.since()[-1].data["ready"] is False
    assert pods.views() == []


def test_what_went_while_the_watch_was_lost_is_reported(pods: Pods, timeline: Timeline) -> None:
    pods.listed([pod("a"), pod("b")])
    pods.listed([pod("b"), pod("c")])

    assert reported(timeline)[2:] == [("pod/web-a", "Deleted"), ("pod/web-c", "Pending")]
    assert pods.names == {"web-a", "web-b", "web-c"}


@pytest.mark.parametrize("reason", ["ErrImageNeverPull", "ErrImagePull", "ImagePullBackOff", "InvalidImageName"])
def test_a_patient_without_its_image_ends_the_run_with_what_to_do(pods: Pods, reason: str) -> None:
    with pytest.raises(BadInput) as caught:
        pods.changed("ADDED", pod("a", waiting(reason)))

    assert caught.value.lines[0] == f"kube: pod/web-a: container web: {reason}: it says why"
    assert "kind load docker-image crashy-app:1.0.0" in caught.value.lines[1]
    assert "--image" in caught.value.lines[1]


def test_another_image_or_a_later_one_may_be_missing(pods: Pods) -> None:
    pods.changed("ADDED", pod("a", waiting("ErrImagePull"), image="nginx"))
    pods.changed("ADDED", pod("b", {"running": {"startedAt": "2026-11-21T13:00:05Z"}}))
    pods.changed("ADDED", pod("c", waiting("ErrImagePull"), image="crashy-app:2.0.0"))  # a bad rollout is a lesson

    assert len(pods.views()) == 3
