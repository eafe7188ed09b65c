"""The conditions ContainersReady and Ready. kubelet: pkg/kubelet/status/generate_test.go."""

from __future__ import annotations

from typing import Any

import pytest

from crashy.kubelet.generate import Condition, containers_ready, pod_ready
from crashy.objects.status import ContainerStatus
from tests.kubelet.cases import Expect, Means, case

TRUE = Condition(True)


def known(**ready: bool) -> list[ContainerStatus]:
    return [ContainerStatus(name, ready=is_ready) for name, is_ready in ready.items()]


def unready(message: str) -> Condition:
    return Condition(False, "ContainersNotReady", message)


def shown(condition: Condition) -> Any:
    """Return a condition as the cases write it: in full only if it isn't true."""
    if condition.status:
        return "True"
    return {"status": "False", "reason": condition.reason, "message": condition.message}


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
def test_containers_ready(
    names: str, statuses: list[ContainerStatus], phase: str, expected: Condition, expect: Expect
) -> None:
    found = containers_ready(names.split(), statuses, phase)
    assert found == expected
    expect(ContainersReady=shown(found))


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
def test_pod_ready(
    containers: Condition, gates: list[str], conditions: dict[str, bool], expected: Condition, expect: Expect
) -> None:
    found = pod_ready(containers, gates, conditions)
    assert found == expected
    if not containers.status:
        expect(Ready=Means("copies status, reason, message", found == containers))
    elif found.status:
        expect(ContainersReady=shown(containers), Ready=shown(found))
    else:  # the case leaves the reason out
        status, _, message = shown(found).values()
        expect(ContainersReady=shown(containers), Ready={"status": status, "message": message})
