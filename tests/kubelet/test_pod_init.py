"""Init containers and sidecars. kubelet: kuberuntime_manager_test.go TestComputePodActionsWithInitContainers.

Also TestComputePodActionsWithRestartableInitContainers.
"""

from __future__ import annotations

from typing import Any

import pytest

from crashy.kubelet.outcome import Results, Stored
from crashy.kubelet.pod import Actions, ContainerRecord, RecordState, Sandbox, compute_pod_actions
from crashy.kubelet.restarts import is_sidecar
from crashy.kubelet.versions import NEWEST, PROFILES, Profile
from crashy.objects.pod import Container, Exec, PodTemplate, Probe, ProbeType
from tests.kubelet.cases import Expect, case

READY = Sandbox()
PROBE = Probe(Exec(("true",)), termination_grace_period_seconds=4)
STATES = {
    "run": (RecordState.RUNNING, 0),
    "ok": (RecordState.EXITED, 0),
    "fail": (RecordState.EXITED, 137),
    "unknown": (RecordState.UNKNOWN, 0),
    "created": (RecordState.CREATED, 0),
}


def sync(
    state: str,
    *,
    policy: str = "Always",
    sidecars: str = "",
    found: str = "",
    sandbox: Sandbox | None = READY,
    profile: Profile = NEWEST,
    names: tuple[str, ...] = ("c0", "c1"),
) -> Actions:
    """Sync a pod of init containers i0, i1, i2 and containers c0, c1 in a state like `i0=ok i1=run`.

    `sidecars` names those among the init ones; `found` holds results like `i1/startup=success`.
    """
    probes: dict[str, Any] = {"liveness_probe": PROBE, "startup_probe": PROBE}
    init = tuple(
        Container(name, restart_policy="Always", **probes) if name in sidecars.split() else Container(name)
        for name in ("i0", "i1", "i2")
    )
    records = {}
    for item in state.split():
        name, _, what = item.partition("=")
        phase, code = STATES[what]
        records[name] = ContainerRecord(f"id-{name}", phase, code)
    results = {probe_type: Results() for probe_type in ProbeType}
    for item in found.split():
        where, _, value = item.partition("=")
        name, _, probe_type = where.partition("/")
        results[ProbeType(probe_type)].set(f"id-{name}", Stored(value))
    template = PodTemplate(tuple(map(Container, names)), init, restart_policy=policy)
    return compute_pod_actions(template, records, results, sandbox=sandbox, profile=profile)


@pytest.mark.parametrize(
    ("case", "state", "policy", "start_init", "start", "kill_pod"),
    [
        case("actions.init-done", "all done", "i0=ok i1=ok i2=ok", "Always", "", "c0 c1", False),
        ("the last done, others collected", "i2=ok", "Always", "", "c0 c1", False),
        case("actions.init-none-started", "none started", "", "Always", "i0", "", False),
        ("first done", "i0=ok", "Always", "i1", "", False),
        ("second done", "i0=ok i1=ok", "Never", "i2", "", False),
        case("actions.init-in-progress", "in progress", "i0=ok i1=ok i2=run", "Always", "", "", False),
        ("first in progress", "i0=run", "Always", "", "", False),
        case("actions.init-failed-always", "failed, Always", "i0=ok i1=ok i2=fail", "Always", "i2", "", False),
        case("actions.init-failed-onfailure", "failed, OnFailure", "i0=ok i1=ok i2=fail", "OnFailure", "i2", "", False),
        case("actions.init-failed-never", "failed, Never", "i0=ok i1=ok i2=fail", "Never", "", "", True),
        ("created", "i0=ok i1=created", "Never", "i1", "", False),
        ("unknown, Never", "i0=ok i1=unknown", "Never", "", "", True),
        ("main running, init forgotten", "c0=run c1=run", "Always", "", "", False),
        ("main created, init forgotten", "c0=created c1=run", "Always", "", "c0", False),
        ("main exited, init forgotten", "c0=ok c1=ok", "Always", "i0", "", False),
        ("main running, init failed before", "c0=run c1=ok i2=fail", "Always", "", "c1", False),
    ],
)
def test_plain_init_containers(
    case: str, state: str, policy: str, start_init: str, start: str, kill_pod: bool, expect: Expect
) -> None:
    actions = sync(state, policy=policy)
    assert (" ".join(actions.start_init), " ".join(actions.start)) == (start_init, start), case
    assert (actions.kill_pod, actions.kill) == (kill_pod, ()), case
    actions = sync(state, policy=policy, names=("c0", "c1", "c2"))
    starts = {"start": actions.start, "start_init": actions.start_init}
    expect(kill_pod=actions.kill_pod, **{key: [int(name[1:]) for name in names] for key, names in starts.items()})


@pytest.mark.parametrize("sidecars", ["", "i0"])
def test_an_init_container_in_an_unknown_state_is_killed_first(sidecars: str) -> None:
    actions = sync("i0=unknown", sidecars=sidecars)
    assert [k.container for k in actions.kill] == ["i0"]
    assert actions.kill[0].message == 'Init container is in "unknown" state, try killing it before restart'
    assert actions.start_init == ("i0",)


@pytest.mark.parametrize(
    ("case", "sidecars", "state", "found", "start_init", "start", "kill"),
    [
        ("not yet probed", "i0", "i0=run", "", "", "", ""),
        ("starting", "i0", "i0=run", "i0/startup=unknown", "", "", ""),
        ("started: the next one", "i0", "i0=run", "i0/startup=success", "i1", "", ""),
        ("started, and liveness failed", "i0", "i0=run", "i0/startup=success i0/liveness=failure", "i0 i1", "", "i0"),
        ("not started, and liveness failed", "i0", "i0=run", "i0/liveness=failure", "", "", ""),
        ("startup failed", "i0", "i0=run", "i0/startup=failure", "i0", "", "i0"),
        ("startup and liveness failed", "i0", "i0=run", "i0/startup=failure i0/liveness=failure", "i0", "", "i0"),
        ("exited", "i0", "i0=ok", "", "i0", "", ""),
        ("failed", "i0", "i0=fail", "", "i0", "", ""),
        ("created", "i0", "i0=created", "", "i0", "", ""),
        ("unknown", "i0", "i0=unknown", "", "i0", "", "i0"),
        ("the last one started", "i2", "i0=ok i1=ok i2=run", "i2/startup=success", "", "c0 c1", ""),
        ("the last one starting", "i2", "i0=ok i1=ok i2=run", "", "", "", ""),
        ("an earlier one exited meanwhile", "i0", "i0=fail i1=run", "", "i0", "", ""),
        ("an earlier one was forgotten", "i0", "i1=run", "", "i0", "", ""),
        ("exited beside main", "i1", "i0=ok i1=fail i2=ok c0=run c1=run", "", "i1", "", ""),
        ("forgotten beside main", "i1", "i0=ok i2=ok c0=run c1=run", "", "i1", "", ""),
        ("two exited beside main", "i0 i2", "i0=fail i2=fail c0=run c1=run", "", "i0 i2", "", ""),
        ("sick beside main", "i1", "i1=run c0=run c1=run", "i1/startup=success i1/liveness=failure", "i1", "", "i1"),
        ("well beside main", "i1", "i1=run c0=run c1=run", "i1/startup=success i1/liveness=success", "", "", ""),
    ],
)
@pytest.mark.parametrize("policy", ["Always", "OnFailure", "Never"])
def test_sidecars_are_started_under_every_policy(
    policy: str, case: str, sidecars: str, state: str, found: str, start_init: str, start: str, kill: str
) -> None:
    actions = sync(state, sidecars=sidecars, found=found, policy=policy)
    assert (" ".join(actions.start_init), " ".join(actions.start)) == (start_init, start), case
    assert " ".join(k.container for k in actions.kill) == kill, case
    assert not actions.kill_pod, case


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ("i0/startup=failure", "Init container i0 failed startup probe"),
        ("i0/startup=failure i0/liveness=failure", "Init container i0 failed startup probe"),
        ("i0/startup=success i0/liveness=failure", "Init container i0 failed liveness probe"),
    ],
)
def test_a_killed_sidecar_says_why(found: str, message: str) -> None:
    kill = sync("i0=run", sidecars="i0", found=found).kill[0]
    assert (kill.message, kill.grace, kill.container_id) == (message, 4, "id-i0")


def test_sidecars_do_not_keep_a_finished_pod() -> None:
    actions = sync("i0=fail c0=ok c1=ok i2=ok", sidecars="i0", policy="Never")
    assert (actions.kill_pod, actions.start_init, actions.start) == (True, (), ())


def test_a_sidecar_without_a_startup_probe_has_started_when_it_runs() -> None:
    template = PodTemplate((Container("c0"),), (Container("i0", restart_policy="Always"),))
    records = {"i0": ContainerRecord("id-i0", RecordState.RUNNING)}
    actions = compute_pod_actions(template, records, {probe_type: Results() for probe_type in ProbeType})
    assert actions.start == ("c0",)


@pytest.mark.parametrize("sandbox", [None, Sandbox(ready=False), Sandbox(ip="")])
def test_a_new_sandbox_begins_with_the_first_init_container(sandbox: Sandbox | None) -> None:
    actions = sync("", sandbox=sandbox)
    assert (actions.start_init, actions.start, actions.kill_pod) == (("i0",), (), True)


@pytest.mark.parametrize(
    ("version", "restart_policy", "sidecar"),
    [("1.36", "Always", True), ("1.36", "", False), ("1.20", "Always", False), ("1.32", "Always", True)],
)
def test_what_a_sidecar_is(version: str, restart_policy: str, sidecar: bool) -> None:
    assert is_sidecar(Container("i", restart_policy=restart_policy), PROFILES[version]) is sidecar


def test_an_old_kubelet_waits_for_a_sidecar_to_end() -> None:
    actions = sync("i0=run", sidecars="i0", found="i0/startup=success", profile=PROFILES["1.20"])
    assert actions == Actions()
