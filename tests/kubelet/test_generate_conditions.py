"""The conditions ContainersReady and Ready. kubelet: pkg/kubelet/status/generate_test.go."""

from __future__ import annotations

import pytest

from crashy.kubelet.generate import Condition, containers_ready, pod_ready
from crashy.objects.status import ContainerStatus
from tests.kubelet.cases import case

TRUE = Condition(True)


def known(**ready: bool) -> list[ContainerStatus]:
    return [ContainerStatus(name, ready=is_ready) for name, is_ready in ready.items()]


def unready(message: str) -> Condition:
    return Condition(False, "ContainersNotReady", message)


@pytest.mark.parametrize(
    ("names", "statuses", "phase", "expected"),
    [
        case(
            "cond.unready",
            "app side",
            known(app=False, side=True),
            "Running",
            unready("containers with unready status: [app]"),
        ),
        ("a b", known(a=False, b=False), "Running", unready("containers with unready status: [a b]")),
        case("cond.unknown", "app", [], "Running", unready("containers with unknown status: [app]")),
        (
            "a b",
            known(b=False),
            "Running",
            unready("containers with unknown status: [a], containers with unready status: [b]"),
        ),
        case("cond.ready", "app", known(app=True), "Running", TRUE),
        ("", [], "Running", TRUE),
        ("app", known(app=False), "Succeeded", Condition(False, "PodCompleted")),
        ("app", known(app=False), "Failed", Condition(False, "PodFailed")),
        ("app", [], "Failed", unready("containers with unknown status: [app]")),
    ],
)
def test_containers_ready(names: str, statuses: list[ContainerStatus], phase: str, expected: Condition) -> None:
    assert containers_ready(names.split(), statuses, phase) == expected


@pytest.mark.parametrize(
    ("containers", "gates", "conditions", "expected"),
    [
        case("cond.ready", TRUE, [], {}, TRUE),
        case("cond.unready", unready("x"), ["x.io/ok"], {}, unready("x")),
        case(
            "cond.readiness-gate-missing",
            TRUE,
            ["x.io/ok"],
            {},
            Condition(
                False,
                "ReadinessGatesNotReady",
                'corresponding condition of pod readiness gate "x.io/ok" does not exist.',
            ),
        ),
        (
            TRUE,
            ["a", "b", "c"],
            {"a": True, "b": False},
            Condition(
                False,
                "ReadinessGatesNotReady",
                'the status of pod readiness gate "b" is not "True", but False,'
                ' corresponding condition of pod readiness gate "c" does not exist.',
            ),
        ),
        (TRUE, ["a"], {"a": True}, TRUE),
    ],
)
def test_pod_ready(containers: Condition, gates: list[str], conditions: dict[str, bool], expected: Condition) -> None:
    assert pod_ready(containers, gates, conditions) == expected
