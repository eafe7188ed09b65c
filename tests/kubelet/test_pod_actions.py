"""What a sync kills and starts. kubelet: pkg/kubelet/kuberuntime/kuberuntime_manager_test.go TestComputePodActions."""

from __future__ import annotations

from typing import Any

import pytest

from crashy.kubelet.outcome import Results, Stored
from crashy.kubelet.pod import (
    Actions,
    ContainerRecord,
    Kill,
    KillReason,
    RecordState,
    Sandbox,
    compute_pod_actions,
    next_restart_count,
    should_restart,
    stopping_message,
)
from crashy.kubelet.recorder import Recorder
from crashy.kubelet.runtime import Pod
from crashy.kubelet.versions import NEWEST, PROFILES
from crashy.objects.pod import Container, Exec, PodTemplate, Probe, ProbeType
from crashy.timeline import Event, Timeline
from tests.kubelet.cases import Each, Expect, case

RUNNING, EXITED = RecordState.RUNNING, RecordState.EXITED
READY = Sandbox()


def exited(code: int) -> dict[str, Any]:
    return {"state": EXITED, "exit_code": code}


def record(name: str, **fields: Any) -> ContainerRecord:
    return ContainerRecord(**{"id": f"id-{name}", "state": RUNNING, **fields})


def results(**failed: str) -> dict[ProbeType, Results]:
    """The three maps, with a failure for the named containers: `liveness="1"`."""
    maps = {probe_type: Results() for probe_type in ProbeType}
    for probe_type, names in failed.items():
        for name in names.split():
            maps[ProbeType(probe_type)].set(f"id-{name}", Stored.FAILURE)
    return maps


def sync(
    policy: str = "Always",
    containers: dict[str, dict[str, Any]] | None = None,
    failed: dict[str, str] | None = None,
    sandbox: Sandbox | None = READY,
    created: bool = True,
) -> Actions:
    """Sync a pod of the containers 0, 1 and 2, which run unless stated."""
    names = ("0", "1", "2")
    records = {name: record(name, **(containers or {}).get(name, {})) for name in names} if created else {}
    template = PodTemplate(tuple(Container(name) for name in names), restart_policy=policy)
    return compute_pod_actions(template, records, results(**(failed or {})), sandbox=sandbox)


DEAD, NO_ADDRESS = Sandbox(ready=False), Sandbox(ip="")
DONE = {name: exited(0) for name in "012"}
LAST_EXITED = {"0": exited(0), "1": exited(111)}


@pytest.mark.parametrize(
    ("case", "given", "kill", "start", "kill_pod", "create", "attempt"),
    [
        case("actions.nothing", "nothing to do", {}, "", "", False, False, 0),
        case("actions.new-pod", "new pod", {"sandbox": None, "created": False}, "", "012", True, True, 0),
        case("actions.exited-always", "exited, Always", {"containers": LAST_EXITED}, "", "01", False, False, 0),
        case(
            "actions.exited-onfailure",
            "exited, OnFailure",
            {"policy": "OnFailure", "containers": LAST_EXITED},
            "",
            "1",
            False,
            False,
            0,
        ),
        case(
            "actions.exited-never",
            "exited, Never",
            {"policy": "Never", "containers": LAST_EXITED},
            "",
            "",
            False,
            False,
            0,
        ),
        case("actions.sandbox-dead-always", "sandbox dead, Always", {"sandbox": DEAD}, "", "012", True, True, 1),
        case(
            "actions.sandbox-dead-onfailure",
            "sandbox dead, OnFailure",
            {"policy": "OnFailure", "sandbox": DEAD, "containers": {"1": exited(0)}},
            "",
            "02",
            True,
            True,
            1,
        ),
        case(
            "actions.sandbox-without-ip", "sandbox without address", {"sandbox": NO_ADDRESS}, "", "012", True, True, 1
        ),
        case(
            "actions.spec-changed",
            "definition changed",
            {"containers": {"1": {"changed": True}}},
            "1",
            "1",
            False,
            False,
            0,
        ),
        case("actions.startup-failed", "startup failed", {"failed": {"startup": "1"}}, "1", "1", False, False, 0),
        ("liveness failed", {"failed": {"liveness": "1"}}, "1", "1", False, False, 0),
        ("readiness failed", {"failed": {"readiness": "0 1 2"}}, "", "", False, False, 0),
        case(
            "actions.never-all-exited-sandbox-dead",
            "all exited, Never, sandbox dead",
            {"policy": "Never", "sandbox": Sandbox(ready=False, attempt=1), "containers": DONE},
            "",
            "",
            True,
            False,
            2,
        ),
        case(
            "actions.onfailure-all-succeeded-sandbox-dead",
            "all succeeded, OnFailure, sandbox dead",
            {"policy": "OnFailure", "sandbox": Sandbox(ready=False, attempt=1), "containers": DONE},
            "",
            "",
            True,
            False,
            2,
        ),
        case(
            "actions.never-none-created-sandbox-dead",
            "none created, Never, sandbox dead",
            {"policy": "Never", "sandbox": Sandbox(ready=False, attempt=2), "created": False},
            "",
            "012",
            True,
            True,
            3,
        ),
        ("its first sandbox dead, Never", {"policy": "Never", "sandbox": DEAD}, "", "", True, False, 1),
        ("no sandbox left, Never", {"policy": "Never", "sandbox": None}, "", "012", True, True, 0),
        ("all exited, Never", {"policy": "Never", "containers": DONE}, "", "", True, False, 0),
        ("all succeeded, OnFailure", {"policy": "OnFailure", "containers": DONE}, "", "", True, False, 0),
        case(
            "actions.unknown-state-never",
            "unknown state, Never",
            {"policy": "Never", "containers": {"1": {"state": RecordState.UNKNOWN}}},
            "1",
            "1",
            False,
            False,
            0,
        ),
        case(
            "actions.created-state-never",
            "created but not started, Never",
            {"policy": "Never", "containers": {"1": {"state": RecordState.CREATED}}},
            "",
            "1",
            False,
            False,
            0,
        ),
        (
            "liveness failed, Never: the others stay",
            {"policy": "Never", "failed": {"liveness": "1"}},
            "1",
            "",
            False,
            False,
            0,
        ),
        (
            "all liveness failed, Never: nothing is left",
            {"policy": "Never", "failed": {"liveness": "0 1 2"}},
            "012",
            "",
            True,
            False,
            0,
        ),
        ("an old failure", {"containers": {"1": exited(0)}, "failed": {"liveness": "1"}}, "", "1", False, False, 0),
        ("the sandbox's attempt", {"sandbox": Sandbox(attempt=4)}, "", "", False, False, 4),
    ],
)
def test_actions(
    case: str, given: dict[str, Any], kill: str, start: str, kill_pod: bool, create: bool, attempt: int, expect: Expect
) -> None:
    actions = sync(**given)
    assert "".join(k.container for k in actions.kill) == kill, case
    assert "".join(actions.start) == start, case
    assert (actions.kill_pod, actions.kill_pod and bool(actions.start), actions.attempt) == (
        kill_pod,
        create,
        attempt,
    ), case
    assert actions.start_init == ()
    expect(
        kill=[int(k.container) for k in actions.kill],
        start=[int(name) for name in actions.start],
        kill_pod=actions.kill_pod,
        create_sandbox=actions.kill_pod and bool(actions.start),
        attempt=actions.attempt,
    )


APP = Container(
    "app",
    liveness_probe=Probe(Exec(("true",)), termination_grace_period_seconds=7),
    startup_probe=Probe(Exec(("true",)), termination_grace_period_seconds=9),
)


def killing(message: str) -> dict[str, str]:
    """Return the event of a kill."""
    events: list[Event] = []
    timeline = Timeline(lambda: 0.0)
    timeline.subscribe(events.append)
    pod = Pod("web", "default", "uid", "10.0.0.1", PodTemplate((APP,)))
    Recorder(pod, timeline.add, NEWEST, lambda: 0.0).killing(APP, message)
    (event,) = events
    return {"type": event.data["type"], "reason": event.reason, "message": event.message}


@pytest.mark.parametrize(
    ("policy", "changed", "failed", "message", "reason", "grace", "started"),
    [
        ("Always", False, "liveness", "Container app failed liveness probe, will be restarted", "liveness", 7, True),
        ("OnFailure", False, "liveness", "Container app failed liveness probe, will be restarted", "liveness", 7, True),
        case(
            "actions.msg.liveness-never",
            "Never",
            False,
            "liveness",
            "Container app failed liveness probe",
            "liveness",
            7,
            False,
        ),
        case(
            "actions.msg.startup-restart",
            "Always",
            False,
            "startup",
            "Container app failed startup probe, will be restarted",
            "startup",
            9,
            True,
        ),
        ("Never", False, "startup", "Container app failed startup probe", "startup", 9, False),
        case(
            "actions.msg.definition-changed",
            "Never",
            True,
            "",
            "Container app definition changed, will be restarted",
            "other",
            30,
            True,
        ),
        ("Always", True, "liveness startup", "Container app definition changed, will be restarted", "other", 30, True),
        ("Never", False, "liveness startup", "Container app failed liveness probe", "liveness", 7, False),
    ],
)
def test_a_kill_says_why_and_whether_a_start_follows(
    policy: str, changed: bool, failed: str, message: str, reason: str, grace: int, started: bool, expect: Expect
) -> None:
    """kubelet: kuberuntime_manager.go computePodActions: the definition first, then liveness, then startup."""
    actions = compute_pod_actions(
        PodTemplate((APP,), restart_policy=policy),
        {"app": record("app", changed=changed)},
        results(**dict.fromkeys(failed.split(), "app")),
    )
    assert actions.kill == (Kill("app", "id-app", KillReason(reason), message, grace),)
    assert actions.start == (("app",) if started else ())
    expect(event=killing(actions.kill[0].message), start=actions.start)


def test_an_old_kubelet_kills_with_the_pods_own_grace() -> None:
    actions = compute_pod_actions(
        PodTemplate((APP,)), {"app": record("app")}, results(liveness="app"), profile=PROFILES["1.20"]
    )
    assert actions.kill[0].grace == 30


def test_a_container_in_an_unknown_state_is_killed_to_be_sure() -> None:
    actions = sync(containers={"1": {"state": RecordState.UNKNOWN}})
    assert actions.kill[0].message == 'Container is in "unknown" state, try killing it before restart'
    assert actions.kill[0].reason is KillReason.OTHER


def test_what_is_deleted_is_not_started_again() -> None:
    template = PodTemplate((Container("app"),))
    actions = compute_pod_actions(template, {"app": record("app", **exited(1))}, results(), deleting=True)
    assert (actions.start, actions.kill_pod) == ((), True)


@pytest.mark.case("actions.msg.pod-deleted")
def test_stopping(expect: Expect) -> None:
    """kubelet: kuberuntime_container.go killContainer, as measured on 1.20.2 and 1.36.2."""
    assert stopping_message("app") == "Stopping container app"
    expect(event=killing(stopping_message("app")))


@pytest.mark.parametrize(
    ("deleting", "state", "policy", "restart"),
    [
        case("should-restart.deleted", True, exited(1), "Always", False),
        (True, None, "Always", False),
        (False, None, "Never", True),
        (False, {"state": RUNNING}, "Always", False),
        case("should-restart.unknown-never", False, {"state": RecordState.UNKNOWN}, "Never", True),
        case("should-restart.created-never", False, {"state": RecordState.CREATED}, "Never", True),
        case("should-restart.never", False, exited(1), "Never", False),
        (False, exited(0), "Never", False),
        case("should-restart.onfailure-137", False, exited(137), "OnFailure", True),
        (False, exited(0), "OnFailure", False),
        case("should-restart.always-0", False, exited(0), "Always", True),
        (False, exited(1), "Always", True),
        case("should-restart.empty-policy", False, exited(1), "", True),
    ],
)
def test_should_restart(
    deleting: bool, state: dict[str, Any] | None, policy: str, restart: bool, expect: Expect
) -> None:
    """kubelet: pkg/kubelet/container/helpers.go ShouldContainerBeRestarted."""
    newest = None if state is None else record("app", **state)
    app = Container("app")
    found = should_restart(PodTemplate((app,), restart_policy=policy), app, newest, deleting=deleting)
    assert found is restart
    expect(restart=found)


def test_a_record_without_more_is_a_first_instance_that_ran_well() -> None:
    first = ContainerRecord("A", EXITED)
    assert (first.exit_code, first.finished_at, first.restart_count, first.changed) == (0, None, 0, False)
    app = Container("app")
    assert should_restart(PodTemplate((app,)), app, first)
    assert not should_restart(PodTemplate((app,), restart_policy="OnFailure"), app, first)


@pytest.mark.parametrize(("previous", "count"), [(None, 0), (0, 1), (4, 5)])
@pytest.mark.case("restart-count.increments")
def test_restart_count(previous: int | None, count: int, expect: Expect) -> None:
    """kubelet: kuberuntime_container.go startContainer: whatever the cause."""
    newest = None if previous is None else record("app", restart_count=previous, **exited(0))
    found = next_restart_count(newest)
    assert found == count
    expect(new_restart_count=Each(found, [None, 0, 4].index(previous)))
