"""How much time a container has to end. kubelet: kuberuntime_container_test.go TestKillContainerGracePeriod."""

from __future__ import annotations

import pytest

from crashy.kubelet.grace import MINIMUM_GRACE_SECONDS, KillReason, grace_after_pre_stop, grace_period, runs_pre_stop
from crashy.kubelet.versions import PROFILES
from crashy.objects.pod import Container, Exec, Lifecycle, Probe
from tests.kubelet.cases import Expect, case

SHORT, MEDIUM, LONG = 10, 20, 30


def probe(grace: int | None) -> Probe:
    return Probe(Exec(("true",)), termination_grace_period_seconds=grace)


@pytest.mark.parametrize(
    ("case", "pod", "liveness", "startup", "reason", "deletion", "grace"),
    [
        case("grace.pod", "the pod's", LONG, None, None, "other", None, LONG),
        case("grace.liveness-overrides", "liveness overrides", LONG, SHORT, None, "liveness", None, SHORT),
        case("grace.startup-overrides", "startup overrides", LONG, None, SHORT, "startup", None, SHORT),
        case(
            "grace.startup-longer-than-pod",
            "startup may be longer than the pod's",
            SHORT,
            None,
            LONG,
            "startup",
            None,
            LONG,
        ),
        case(
            "grace.liveness-longer-than-pod",
            "liveness may be longer than the pod's",
            SHORT,
            LONG,
            None,
            "liveness",
            None,
            LONG,
        ),
        case("grace.non-liveness", "another reason ignores liveness", LONG, SHORT, None, "other", None, LONG),
        case("grace.non-startup", "another reason ignores startup", LONG, None, SHORT, "other", None, LONG),
        case("grace.three-set-startup", "all three set, startup", LONG, MEDIUM, SHORT, "startup", None, SHORT),
        ("all three set, liveness", LONG, MEDIUM, SHORT, "liveness", None, MEDIUM),
        ("liveness failed, only startup has one", LONG, None, SHORT, "liveness", None, LONG),
        case("grace.pod-deletion-wins", "setTerminationGracePeriod: deletion wins", LONG, 3, None, "liveness", 7, 7),
        ("setTerminationGracePeriod: deletion of 0", LONG, 3, None, "liveness", 0, 0),
        ("setTerminationGracePeriod: none at all", None, None, None, "other", None, 2),
        ("a pod's 0 is kept", 0, None, None, "other", None, 0),
    ],
)
def test_grace_period(
    case: str,
    pod: int | None,
    liveness: int | None,
    startup: int | None,
    reason: str,
    deletion: int | None,
    grace: int,
    expect: Expect,
) -> None:
    container = Container("app", liveness_probe=probe(liveness), startup_probe=probe(startup))
    found = grace_period(pod, KillReason(reason), container, deletion_grace=deletion)
    assert found == grace, case
    expect(grace_s=found)


def test_without_a_container_or_a_probe_it_is_the_pods() -> None:
    assert grace_period(LONG) == LONG
    assert grace_period(LONG, KillReason.LIVENESS) == LONG
    assert grace_period(LONG, KillReason.LIVENESS, Container("app")) == LONG


@pytest.mark.parametrize(("version", "grace"), [("1.20", LONG), ("1.32", SHORT), ("1.36", SHORT)])
def test_a_probes_own_grace_is_newer_than_1_20(version: str, grace: int) -> None:
    container = Container("app", liveness_probe=probe(SHORT))
    assert grace_period(LONG, KillReason.LIVENESS, container, profile=PROFILES[version]) == grace


@pytest.mark.parametrize(
    ("grace", "pre_stop_took", "left"),
    [
        case("grace.prestop-eats-budget", 30, 12.9, 18),
        (30, 0.0, 30),
        (30, 0.99, 30),
        (30, 27.0, 3),
        (30, 28.0, 2),
        (30, 31.0, 2),
        case("grace.minimum-two-seconds", 0, 0.0, 2),
    ],
)
def test_a_pre_stop_hook_uses_up_whole_seconds_but_two_are_left(
    grace: int, pre_stop_took: float, left: int, expect: Expect
) -> None:
    """kubelet: kuberuntime_container.go killContainer."""
    found = grace_after_pre_stop(grace, pre_stop_took)
    assert found == left
    expect(sigterm_grace_s=found)
    assert grace_after_pre_stop(grace) == max(grace, 2)
    assert MINIMUM_GRACE_SECONDS == 2


@pytest.mark.parametrize(
    ("hook", "grace", "runs"),
    [
        case("grace.prestop-also-on-probe-kill", True, 30, True),
        (True, 1, True),
        case("grace.minimum-two-seconds", True, 0, False),
        (False, 30, False),
    ],
)
def test_a_pre_stop_hook_runs_on_every_kill_that_has_time(hook: bool, grace: int, runs: bool, expect: Expect) -> None:
    """kubelet: kuberuntime_container.go killContainer: on probe kills too."""
    lifecycle = Lifecycle(pre_stop=Exec(("sleep", "5")) if hook else None)
    found = runs_pre_stop(Container("app", lifecycle=lifecycle), grace)
    assert found is runs
    expect(preStop_run=found)
