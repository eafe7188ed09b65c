"""Objects of the API as the runner and the reports know them."""

from __future__ import annotations

from typing import Any

import pytest

from crashy.engines.kube.clock import seconds
from crashy.engines.kube.objects import endpoints_of, pod_of, status_of
from crashy.kubelet.recorder import pod_data
from crashy.kubelet.versions import PROFILES

Object = dict[str, Any]
ZERO = seconds("2026-11-21T13:00:00Z")


def at(stamp: str) -> float:
    return seconds(stamp) - ZERO


def pod(status: Object, **meta: Any) -> Object:
    return {
        "metadata": {
            "name": "web-1",
            "namespace": "ns",
            "uid": "u1",
            "creationTimestamp": "2026-11-21T13:00:01Z",
            "labels": {"app": "web"},
        }
        | meta,
        "spec": {
            "containers": [
                {
                    "name": "web",
                    "image": "registry.example/app:7",
                    "ports": [{"containerPort": 8080, "name": "http"}],
                    "env": [{"name": "ADMIN_PORT", "value": "9000"}],
                }
            ],
            "terminationGracePeriodSeconds": 5,
        },
        "status": status,
    }


def container(state: Object, **more: Any) -> Object:
    return {"name": "web", "state": state, "restartCount": 0, "ready": False, "started": True} | more


RUNNING = {"running": {"startedAt": "2026-11-21T13:00:02Z"}}
ENDED = {
    "terminated": {
        "exitCode": 137,
        "reason": "Error",
        "startedAt": "2026-11-21T13:00:02Z",
        "finishedAt": "2026-11-21T13:00:09Z",
        "containerID": "containerd://1",
    }
}
BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container=web"}}
READY = [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-21T13:00:03Z"}]


@pytest.mark.parametrize(
    ("obj", "reported"),
    [
        (pod({}), {"phase": "Pending", "ready": False, "deleting": False, "restarts": 0, "containers": []}),
        (
            pod({"phase": "Running", "conditions": READY, "containerStatuses": [container(RUNNING, ready=True)]}),
            {"phase": "Running", "ready": True, "restarts": 0},
        ),
        (
            pod(
                {"phase": "Running", "containerStatuses": [container(BACK_OFF, restartCount=3, lastState=ENDED)]},
                deletionTimestamp="2026-11-21T13:00:30Z",
            ),
            {"phase": "Running", "ready": False, "deleting": True, "restarts": 3},
        ),
        (
            pod({"phase": "Running", "containerStatuses": [container(ENDED)], "podIP": "10.0.0.7"}),
            {"ip": "10.0.0.7", "ready": False},
        ),
    ],
    ids=["just made", "ready", "in a back-off, being deleted", "its container ended"],
)
def test_a_status_is_reported_as_the_lab_tells_it(obj: Object, reported: Object) -> None:
    data = pod_data(pod_of(obj, at), status_of(obj, at))

    assert {key: data[key] for key in reported} == reported


@pytest.mark.parametrize(
    ("state", "last", "reported"),
    [
        (RUNNING, {}, {"state": "running", "reason": "", "exit_code": None, "last": None}),
        (ENDED, {}, {"state": "terminated", "reason": "Error", "exit_code": 137}),
        (BACK_OFF, ENDED, {"state": "waiting", "last": {"exit_code": 137, "reason": "Error"}}),
        ({"running": {}}, {}, {"state": "waiting"}),
        ({}, {}, {"state": "waiting", "reason": ""}),
    ],
)
def test_a_containers_state_is_reported_as_the_lab_tells_it(state: Object, last: Object, reported: Object) -> None:
    obj = pod({"containerStatuses": [container(state, lastState=last)]})
    (data,) = pod_data(pod_of(obj, at), status_of(obj, at))["containers"]

    assert {key: data[key] for key in reported} == reported


def test_times_are_the_loops() -> None:
    status = status_of(pod({"startTime": "2026-11-21T13:00:01Z", "conditions": READY}), at)
    (one,) = status_of(pod({"containerStatuses": [container(ENDED)]}), at).containers

    assert (status.start_time, status.ready_since) == (1.0, 3.0)
    assert (one.started_at, one.finished_at) == (2.0, 9.0)


def test_a_pod_is_what_the_runner_asks_of_it() -> None:
    found = pod_of(pod({"podIP": "10.0.0.7"}), at, {"registry.example/app:7": "crashy-app:1.0.0"})
    (only,) = found.template.containers

    assert (found.name, found.namespace, found.uid, found.ip, found.created_at) == ("web-1", "ns", "u1", "10.0.0.7", 1)
    assert (only.image, only.ports[0].container_port, only.env[0].value) == ("crashy-app:1.0.0", 8080, "9000")
    assert found.template.labels == {"app": "web"}
    assert found.template.termination_grace_period_seconds == 5


def endpoint(name: str, **conditions: bool) -> Object:
    return {"addresses": ["10.0.0.1"], "targetRef": {"kind": "Pod", "name": name}, "conditions": conditions}


@pytest.mark.parametrize(
    ("endpoints", "ready", "not_ready", "serving"),
    [
        ([], [], [], []),
        ([endpoint("a", ready=True), endpoint("b", ready=False)], ["a"], ["b"], ["a"]),
        ([endpoint("a")], ["a"], [], ["a"]),
        (
            [endpoint("a", ready=False, serving=True, terminating=True), endpoint("b", ready=True, serving=True)],
            ["b"],
            ["a"],
            ["b"],
        ),
        ([endpoint("a", ready=False, serving=True, terminating=True)], [], ["a"], ["a"]),
    ],
    ids=["none", "one sick", "unknown means ready", "one is ending", "only one that is ending"],
)
def test_endpoints_are_reported_as_the_lab_tells_them(
    endpoints: list[Object], ready: list[str], not_ready: list[str], serving: list[str]
) -> None:
    slices = [{"endpoints": endpoints[:1]}, {"endpoints": endpoints[1:] or None}]  # it may be several slices

    assert endpoints_of(slices) == {"ready": ready, "not_ready": not_ready, "serving": serving}


def test_before_1_26_nobody_is_sent_to_a_pod_that_ends() -> None:
    slices = [{"endpoints": [endpoint("a", ready=False, serving=True, terminating=True)]}]

    assert endpoints_of(slices, PROFILES["1.20"])["serving"] == []
