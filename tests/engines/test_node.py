"""The kubelet restarts, and the node goes: on sim, by version.

What 1.36.2 did is recorded in 14a to 14d, which test_workload_traces.py replays; 1.20.2 was measured;
1.32 is as in its source, kubelet: pkg/kubelet/prober/prober_manager.go, kubelet.go.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crashy.experiment.read import read_experiment
from crashy.experiment.record import Record
from crashy.kubelet.versions import PROFILES
from tests.controllers.worlds import SERVICE
from tests.experiment.test_runner import simulate, steps

READY = {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1}
SLOW = READY | {"periodSeconds": 10}
LABELS = {"app": "web"}
WEB = {"ports": [{"port": 80, "targetPort": 8080}], "selector": LABELS}
USERS = {"service": "web", "rate": 5, "timeout": "1s"}


def container(**fields: Any) -> dict[str, Any]:
    return {"name": "app", "image": "crashy-app", "ports": [{"name": "web", "containerPort": 8080}], **fields}


def pod(name: str, *, tolerations: list[dict[str, Any]] | None = None, **fields: Any) -> dict[str, Any]:
    spec = {"containers": [container(**fields)], "terminationGracePeriodSeconds": 2, "tolerations": tolerations or []}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": LABELS}, "spec": spec}


def workload(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    labels = {"of": name}
    template = {"metadata": {"labels": labels}, "spec": pod("", readinessProbe=READY)["spec"]}
    selector = {"matchLabels": labels}
    more = {"serviceName": name} if kind == "StatefulSet" else {}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {"selector": selector, "template": template, **more, **spec},
    }


PLAIN = pod("plain")
ASKED = pod("asked", readinessProbe=READY)
SELDOM = pod("seldom", readinessProbe=SLOW)
STARTED = pod("started", readinessProbe=READY, startupProbe=READY | {"initialDelaySeconds": 0})
SERVED = {**SERVICE, "spec": WEB}


def run(
    folder: Path, version: str, *what: dict[str, Any], manifests: list[Any], duration: int, seed: int = 1
) -> Record:
    return simulate(
        folder,
        *what,
        manifests=[*manifests, SERVED],
        duration=duration,
        traffic=USERS,
        profile=PROFILES[version],
        seed=seed,
    )


def unready(record: Record, name: str, since: float) -> float:
    """Return the seconds for which a pod was not ready after a moment."""
    changes = [(e.t, e.data["ready"]) for e in record.events if e.kind == "pod" and e.object == f"pod/{name}"]
    ends = [t for t, _ in changes[1:]] + [record.events[-1].t]
    return sum(max(0.0, end - max(t, since)) for (t, ready), end in zip(changes, ends, strict=True) if not ready)


def of(record: Record, obj: str, *reasons: str, kind: str = "event") -> list[tuple[float, str, str]]:
    return [
        (e.t, e.reason, e.message)
        for e in record.events
        if e.object.startswith(obj) and e.kind == kind and (not reasons or e.reason in reasons)
    ]


AT = 20
MANY = (0.2, 12.0)
SOME = (0.5, 4.0)
NONE = (0.0, 0.0)


@pytest.mark.parametrize(
    ("version", "asked", "seldom", "started"),
    [
        ("1.20", (0.05, 2.5), MANY, (0.1, 3.5)),
        ("1.32", NONE, NONE, SOME),
        ("1.34", NONE, NONE, SOME),
        ("1.35", NONE, NONE, NONE),
        ("1.36", NONE, NONE, NONE),
        ("fixed", NONE, NONE, NONE),
    ],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_runs_for_long_is_not_ready_after_a_restart_of_the_kubelet(
    tmp_path: Path,
    version: str,
    asked: tuple[float, float],
    seldom: tuple[float, float],
    started: tuple[float, float],
    seed: int,
) -> None:
    """For so many seconds, by its probes: kubernetes#78733, #100277; not at all from 1.35 on: KEP-4781."""
    pods = [PLAIN, ASKED, SELDOM, STARTED]
    record = run(tmp_path, version, {"at": AT, "restart": "kubelet"}, manifests=pods, duration=50, seed=seed)

    found = {name: unready(record, name, AT) for name in ("plain", "asked", "seldom", "started")}
    wanted = {"plain": NONE, "asked": asked, "seldom": seldom, "started": started}
    assert {name: least <= found[name] <= most for name, (least, most) in wanted.items()} == dict.fromkeys(found, True)
    failed = [e.t for e in record.events if e.kind == "request" and not e.data["ok"] and e.t > AT]
    assert failed == []  # `plain` answers all the while
    assert [(reason, text) for _, reason, text in of(record, "node/")] == [("Starting", "Starting kubelet.")]
    assert steps(record)[0] == (20.0, "Performed", "kubelet stopped")


@pytest.mark.parametrize(("version", "restarted"), [("1.32", SOME), ("1.36", SOME)])
def test_what_has_begun_within_ten_seconds_is_not_spared(
    tmp_path: Path, version: str, restarted: tuple[float, float]
) -> None:
    """kubelet: prober_manager.go kubeletRestartGracePeriod; as 14d was recorded on 1.36.2."""
    record = run(tmp_path, version, {"at": 8, "restart": "kubelet"}, manifests=[ASKED, STARTED], duration=30)

    assert restarted[0] <= unready(record, "started", 8) <= restarted[1]
    assert unready(record, "asked", 8) == 0


@pytest.mark.parametrize(
    ("version", "ready"),
    [("1.20", False), ("1.32", True), ("1.36", True)],
)
def test_a_pod_that_was_never_asked_is_taken_for_ready(tmp_path: Path, version: str, *, ready: bool) -> None:
    """By a status that is written before the workers exist: `slowprobe` of 14a was ready for 9.6 s so."""
    late = pod("late", readinessProbe=SLOW | {"initialDelaySeconds": 3600})
    record = run(tmp_path, version, {"at": 5, "restart": "kubelet"}, manifests=[late], duration=20)

    seen = [e.data["ready"] for e in record.events if e.kind == "pod" and e.object == "pod/late"]
    assert (True in seen) is ready


@pytest.mark.parametrize("version", ["1.20", "1.32", "1.36"])
def test_what_ends_while_the_kubelet_is_down_is_restarted_when_it_is_back_without_back_off(
    tmp_path: Path, version: str
) -> None:
    """The back-off is the kubelet's, and lost with it."""
    env = [{"name": "KILL_IN_SECONDS", "value": "8"}]
    looping = pod("looping", env=env)
    record = run(tmp_path, version, {"at": 12, "stop": "kubelet", "for": "10s"}, manifests=[looping], duration=48)

    exited = [e.t for e in record.events if e.kind == "process" and e.reason == "Exited"]
    began = [t for t, _, _ in of(record, "pod/looping", "Started")]
    assert 12 < exited[1] < 22
    assert 23 < began[2] < 25 < exited[1] + 10
    assert not [t for t, _, _ in of(record, "pod/") if 12 < t < 22]


GRACE = {"1.20": 40, "1.32": 50, "1.36": 50}
TAINTED = {
    "1.20": "0/1 nodes are available: 1 node(s) had taint {node.kubernetes.io/unreachable: }, that the pod didn't "
    "tolerate.",
    "1.32": "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }. preemption: "
    "0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
    "1.36": "0/1 nodes are available: 1 node(s) had untolerated taint(s). no new claims to deallocate, preemption: "
    "0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
}


@pytest.mark.parametrize("version", ["1.20", "1.32", "1.36"])
def test_a_node_that_goes_is_not_ready_after_the_grace_period_and_its_pods_are_evicted_300_s_later(
    tmp_path: Path, version: str
) -> None:
    deployment, stateful = workload("Deployment", "deploy", replicas=1), workload("StatefulSet", "db", replicas=1)
    stays = pod("stays", tolerations=[{"key": "node.kubernetes.io/unreachable", "operator": "Exists"}])
    soon = [{"key": "node.kubernetes.io/unreachable", "operator": "Exists", "tolerationSeconds": 5}]
    manifests = [deployment, stateful, workload("DaemonSet", "ds"), ASKED, stays, pod("soon", tolerations=soon)]
    record = run(tmp_path, version, {"at": 20, "stop": "node", "for": "400s"}, manifests=manifests, duration=450)

    (not_ready, reason, text), *back = of(record, "node/")
    assert (reason, text) == ("NodeNotReady", "Node crashy-lab status is now: NodeNotReady")
    assert GRACE[version] <= not_ready - 20 <= GRACE[version] + 5
    told = of(record, "pod/", "NodeNotReady")
    assert [(t, text) for t, _, text in told] == [(not_ready, "Node is not ready")] * 6
    empty = next(e.t for e in record.events if e.kind == "endpoints" and e.t > 20 and not e.data["ready"])
    assert empty == not_ready

    evicted = {e.object: e.t - not_ready for e in record.events if e.reason == "TaintManagerEviction"}
    names = {name.partition("-")[0].removeprefix("pod/"): round(t, 3) for name, t in evicted.items()}
    assert names == {"asked": 300, "deploy": 300, "db": 300, "soon": 5}
    assert [t for t, _, text in of(record, "pod/deploy", "FailedScheduling") if text == TAINTED[version]] == [
        not_ready + 300
    ]
    assert [t for t, _, _ in of(record, "pod/db-0", "Scheduled")][1] > 420  # only one at a time may be of that name

    gone = {e.object for e in record.events if e.kind == "pod" and e.reason == "Deleted"}
    assert {name.partition("-")[0] for name in gone} == {"pod/asked", "pod/deploy", "pod/db", "pod/soon"}
    assert [reason for _, reason, _ in back] == ["Rebooted", "Starting", "NodeReady"]
    last = {e.object: e.data for e in record.events if e.kind == "pod"}
    for name in ("stays", "ds"):
        (found,) = [data for obj, data in last.items() if obj.startswith(f"pod/{name}")]
        assert (found["ready"], found["restarts"]) == (True, 1)
        assert found["containers"][0]["last"] == {"exit_code": 255, "reason": "Unknown"}
    assert sum(data["ready"] for data in last.values()) == 4


@pytest.mark.parametrize("version", ["1.20", "1.32", "1.36"])
def test_users_of_a_node_that_is_off_wait_in_vain_until_it_has_started_again(tmp_path: Path, version: str) -> None:
    record = run(tmp_path, version, {"at": 20, "stop": "node", "for": "10s"}, manifests=[ASKED], duration=50)

    failed = [(e.t, e.reason) for e in record.events if e.kind == "request" and not e.data["ok"]]
    assert {reason for t, reason in failed if t < 30} == {"timeout"}
    assert failed[0][0] > 20
    assert failed[-1][0] < 36
    assert of(record, "pod/", "NodeNotReady") == []
    assert [reason for _, reason, _ in of(record, "pod/", "SandboxChanged", "Started")] == [
        "Started",
        "SandboxChanged",
        "Started",
    ]


def test_after_a_reboot_init_containers_run_again_and_what_never_restarts_has_failed(tmp_path: Path) -> None:
    first = {"name": "first", "image": "busybox", "command": ["sh", "-c", "exit 0"]}
    with_init, never = pod("with-init"), pod("never")
    with_init["spec"]["initContainers"] = [first]
    never["spec"]["restartPolicy"] = "Never"
    record = run(
        tmp_path, "1.36", {"at": 20, "stop": "node", "for": "5s"}, manifests=[with_init, never, ASKED], duration=40
    )

    starts = [
        (e.data["container"], e.t > 20)
        for e in record.events
        if e.object == "pod/with-init" and e.reason == "Started" and e.kind == "process"
    ]
    assert starts == [("first", False), ("app", False), ("first", True), ("app", True)]
    last = {e.object: e.data for e in record.events if e.kind == "pod"}
    assert last["pod/never"]["phase"] == "Failed"
    assert last["pod/with-init"]["ready"]


def test_a_pod_that_is_deleted_while_the_kubelet_is_stopped_ends_when_it_is_back(tmp_path: Path) -> None:
    delete = {"at": 12, "delete": "pod", "target": "asked"}
    record = run(tmp_path, "1.36", {"at": 10, "stop": "kubelet", "for": "10s"}, delete, manifests=[ASKED], duration=40)

    deleting = next(e.t for e in record.events if e.kind == "pod" and e.data["deleting"])
    (exited,) = [e.t for e in record.events if e.kind == "process" and e.reason == "Exited"]
    assert deleting == 12
    assert exited > 21
    assert next(e.t for e in record.events if e.kind == "pod" and e.reason == "Deleted") < 25


def test_what_is_stopped_is_not_stopped_again(tmp_path: Path) -> None:
    record = run(
        tmp_path, "1.36", {"at": 5, "stop": "node"}, {"at": 8, "restart": "kubelet"}, manifests=[ASKED], duration=12
    )

    assert steps(record) == [
        (5.0, "Performed", "node stopped"),
        (8.0, "Skipped", "it is stopped already"),
    ]


def test_a_cluster_refuses_it_with_a_reason(tmp_path: Path) -> None:
    run(tmp_path, "1.36", {"at": 5, "stop": "node"}, manifests=[ASKED], duration=12)
    experiment = read_experiment(tmp_path / "x.yaml")

    assert experiment.engines == ("lab", "sim")
    assert experiment.why_not["kube"] == (
        "restart and stop: not on a cluster, whose kubelets and nodes run others' pods too: use --on lab or --on sim"
    )
