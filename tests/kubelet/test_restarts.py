"""Containers that are restarted by policies and rules of their own. kubernetes: pkg/api/v1/pod/util_test.go."""

from __future__ import annotations

from typing import Any

import pytest

from crashy.kubelet.restarts import restart_policy, restarts_after, restarts_all
from crashy.kubelet.versions import PROFILES
from crashy.objects.pod import Container, PodTemplate
from crashy.objects.restart_rules import RestartRule
from tests.kubelet.scripted import Life
from tests.kubelet.simulation import simulate
from tests.kubelet.test_driver import lives

ON_42 = RestartRule("Restart", "In", (42,))
BUT_42 = RestartRule("Restart", "NotIn", (42,))
ALL_ON_88 = RestartRule("RestartAllContainers", "In", (88,))


def raw(action: str, *codes: int) -> dict[str, Any]:
    return {"action": action, "exitCodes": {"operator": "In", "values": [*codes]}}


def ends(seconds: float, code: int) -> Life:
    return Life(exits_at=seconds, exit_code=code)


def pod(policy: str, *containers: dict[str, Any], init: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {
        "restartPolicy": policy,
        "terminationGracePeriodSeconds": 2,
        "initContainers": [{"image": "app", **one} for one in init or []],
        "containers": [{"image": "app", **one} for one in containers],
    }


@pytest.mark.parametrize(
    ("of_pod", "own", "rules", "code", "again"),
    [
        ("Never", "", (), 1, False),
        ("Never", "Always", (), 0, True),
        ("Never", "OnFailure", (), 1, True),
        ("Always", "OnFailure", (), 0, False),
        ("Always", "Never", (), 1, False),
        ("Never", "Never", (ON_42,), 42, True),
        ("Never", "Never", (ON_42,), 1, False),
        ("Never", "OnFailure", (ON_42,), 1, True),
        ("Never", "OnFailure", (RestartRule("Restart", "In", (0,)),), 0, True),
        ("Never", "Never", (BUT_42,), 42, False),
        ("Never", "Never", (BUT_42,), 0, True),
        ("Always", "Never", (RestartRule("RestartAllContainers", "In", (42,)), ON_42), 42, False),  # the first one
    ],
)
def test_rules_come_first_then_the_own_policy_then_the_pods(
    of_pod: str, own: str, rules: tuple[RestartRule, ...], code: int, again: bool
) -> None:
    app = Container("app", restart_policy=own, restart_policy_rules=rules)
    assert restarts_after(PodTemplate((app,), restart_policy=of_pod), app, code) is again


@pytest.mark.parametrize(
    ("version", "known", "known_for_all"),
    [
        *(("1.20", False, False), ("1.32", False, False), ("1.34", False, False)),
        *(("1.35", True, False), ("1.36", True, True)),
    ],
)
def test_older_kubelets_know_sidecars_alone(version: str, known: bool, known_for_all: bool) -> None:
    profile = PROFILES[version]
    app = Container("app", restart_policy="Never", restart_policy_rules=(ON_42,))
    template = PodTemplate((app,))

    assert restart_policy(template, app, profile) == ("Never" if known else "Always")
    assert restarts_after(template, app, 1, profile) is not known
    assert not restarts_all(PodTemplate((Container("a", restart_policy_rules=(ALL_ON_88,)),)), {"b": 88}, profile)
    assert (
        restarts_all(PodTemplate((Container("a", restart_policy_rules=(ALL_ON_88,)),)), {"a": 88}, profile)
        is known_for_all
    )


@pytest.mark.parametrize(("version", "policy"), [("1.20", "Never"), ("1.32", "Always"), ("1.36", "Always")])
def test_a_sidecar_of_a_pod_that_is_never_restarted(version: str, policy: str) -> None:
    sidecar = Container("side", restart_policy="Always")
    template = PodTemplate((Container("app"),), (sidecar,), restart_policy="Never")

    assert restart_policy(template, sidecar, PROFILES[version]) == policy


def test_a_rule_restarts_a_container_of_a_pod_that_is_never_restarted() -> None:
    app = {"name": "app", "restartPolicy": "Never", "restartPolicyRules": [raw("Restart", 42)]}
    run = simulate(pod("Never", app), lives(app=[ends(5, 42), ends(5, 42), ends(5, 7)]), 60)

    assert (run.exit_codes(), run.restarts) == ([42, 42, 7], 2)
    assert [status.phase for _, status in run.statuses][-1] == "Failed"
    assert "BackOff" in run.reasons()


@pytest.mark.parametrize(("code", "phase"), [(0, "Succeeded"), (1, "Failed")])
def test_a_pod_that_is_always_restarted_ends_with_containers_that_are_not(code: int, phase: str) -> None:
    app = {"name": "app", "restartPolicy": "Never"}
    run = simulate(pod("Always", app), lives(app=ends(5, code)), 30)

    assert (run.restarts, run.statuses[-1][1].phase) == (0, phase)


def test_an_init_container_of_its_own_policy_ends_the_pod_or_is_tried_again() -> None:
    once = {"name": "init", "restartPolicy": "Never"}
    again = once | {"restartPolicyRules": [raw("Restart", 42)]}
    script = lives(init=[ends(1, 42), ends(1, 0)])
    failed = simulate(pod("Always", {"name": "app"}, init=[once]), script, 30)
    done = simulate(pod("Never", {"name": "app"}, init=[again]), script, 30)

    assert failed.statuses[-1][1].phase == "Failed"
    assert done.statuses[-1][1].phase == "Running"


def test_a_rule_makes_a_whole_pod_start_over() -> None:
    a = {"name": "a", "restartPolicy": "Never", "restartPolicyRules": [raw("RestartAllContainers", 88)]}
    script = lives(init=ends(1, 0), a=[ends(5, 88), Life()])
    run = simulate(pod("Never", a, {"name": "b"}, init=[{"name": "init"}]), script, 30)
    last = run.statuses[-1][1]
    removed = [s for _, s in run.statuses if all(c.reason == "RestartingAllContainers" for c in s.containers)]
    phases = [status.phase for _, status in run.statuses]

    assert run.messages("Killing") == ["killing"]
    assert [(s.phase, {c.state for c in (*s.init_containers, *s.containers)}) for s in removed[:1]] == [
        ("Running", {"waiting"})
    ]
    assert "Pending" in phases[phases.index("Running") :]  # init runs again
    assert [c.restart_count for c in (*last.init_containers, *last.containers)] == [1, 1, 1]
    assert {c.last_state and (c.last_state.exit_code, c.last_state.reason) for c in last.containers} == {
        (137, "RestartingAllContainers")
    }
    assert (last.phase, last.ready) == ("Running", True)


def test_a_pod_that_starts_over_again_and_again_has_no_back_off() -> None:
    app = {"name": "app", "restartPolicy": "Never", "restartPolicyRules": [raw("RestartAllContainers", 88)]}
    run = simulate(pod("Never", app), lives(app=ends(5, 88)), 60)

    assert run.restarts > 5
    assert "BackOff" not in run.reasons()
    assert "Failed" not in {status.phase for _, status in run.statuses}
