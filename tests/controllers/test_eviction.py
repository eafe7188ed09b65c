"""What a budget allows, and which pods are evicted.

Rows from kubernetes: pkg/controller/disruption/disruption_test.go and pkg/registry/core/pod/storage/eviction_test.go.
"""

from __future__ import annotations

import pytest

from crashy.controllers.eviction import BudgetStatus, EvictionRefusedError, budget_status, check_eviction
from crashy.objects.document import Source
from crashy.objects.poddisruptionbudget import PodDisruptionBudget
from crashy.objects.selector import LabelSelector
from crashy.objects.status import Phase, PodStatus

Share = int | str | None


def budget(least: Share = None, most: Share = None, *, always_allow: bool = False) -> PodDisruptionBudget:
    return PodDisruptionBudget("pdb", "default", LabelSelector(), least, most, always_allow, Source("f", 1))


@pytest.mark.parametrize(
    ("least", "most", "pods", "healthy", "scale", "allowed", "desired", "expected"),
    [
        pytest.param(3, None, 0, 0, 0, 0, 3, 0, id="TestIntegerMinAvailable: no pods"),
        pytest.param(3, None, 3, 3, 0, 0, 3, 3, id="TestIntegerMinAvailable: three pods"),
        pytest.param(3, None, 4, 4, 0, 1, 3, 4, id="TestIntegerMinAvailable: four pods"),
        pytest.param(3, None, 4, 3, 0, 0, 3, 4, id="TestIntegerMinAvailable: one unavailable"),
        pytest.param(None, 1, 0, 0, 0, 0, 0, 0, id="TestIntegerMaxUnavailable: no pods"),
        pytest.param(None, 1, 1, 1, 0, 0, 0, 0, id="TestIntegerMaxUnavailable: a naked pod"),
        pytest.param(None, 2, 1, 1, 7, 0, 5, 7, id="TestIntegerMaxUnavailableWithScaling: 7"),
        pytest.param(None, 2, 1, 1, 5, 0, 3, 5, id="TestIntegerMaxUnavailableWithScaling: 5"),
        pytest.param(None, "30%", 1, 1, 7, 0, 4, 7, id="TestPercentageMaxUnavailableWithScaling: 7"),
        pytest.param(None, "30%", 1, 1, 3, 0, 2, 3, id="TestPercentageMaxUnavailableWithScaling: 3"),
        pytest.param("28%", None, 1, 1, 0, 0, 0, 0, id="TestNakedPod"),
        pytest.param("20%", None, 1, 1, 10, 0, 2, 10, id="TestReplicaSet"),
        pytest.param(None, 5, 4, 4, 10, 0, 5, 10, id="TestScaleResource"),
        pytest.param("1%", None, 2, 2, 1, 1, 1, 1, id="TestMultipleControllers"),
        pytest.param("34%", None, 0, 0, 0, 0, 0, 0, id="TestReplicationController: no pods"),
        pytest.param("34%", None, 2, 2, 3, 0, 2, 3, id="TestReplicationController: two pods"),
        pytest.param("34%", None, 3, 3, 3, 1, 2, 3, id="TestReplicationController: three pods"),
        pytest.param("34%", None, 4, 4, 3, 2, 2, 3, id="TestReplicationController: a rogue"),
        pytest.param("28%", None, 6, 0, 11, 0, 4, 11, id="TestTwoControllers: none available"),
        pytest.param("28%", None, 10, 4, 11, 0, 4, 11, id="TestTwoControllers: four available"),
        pytest.param("28%", None, 11, 5, 11, 1, 4, 11, id="TestTwoControllers: five available"),
        pytest.param("28%", None, 22, 8, 22, 1, 7, 22, id="TestTwoControllers: both"),
        pytest.param(1, None, 2, 2, 2, 1, 1, 2, id="09a: both are healthy"),
        pytest.param(1, None, 3, 1, 2, 0, 1, 3, id="09a: the one that goes counts until it has gone"),
        pytest.param(None, 1, 1, 1, 0, 0, 0, 0, id="09d: a bare pod"),
    ],
)
def test_a_budgets_status(
    least: Share, most: Share, pods: int, healthy: int, scale: int, allowed: int, desired: int, expected: int
) -> None:
    now = budget_status(budget(least, most), pods=pods, healthy=healthy, scale=scale)

    assert (now.allowed, now.desired, now.expected) == (allowed, desired, expected)
    assert now.reason == ("SufficientPods" if allowed else "InsufficientPods")


NONE_LEFT = BudgetStatus(healthy=2, desired=2, expected=3)
TOO_FEW = BudgetStatus(healthy=1, desired=2, expected=3)
ONE_LEFT = BudgetStatus(healthy=3, desired=2, expected=3)
SPARE_OF_NOBODY = BudgetStatus(healthy=1, desired=0, expected=0)


def pod(phase: Phase = "Running", *, ready: bool = True, deleting: bool = False) -> PodStatus:
    return PodStatus(phase, (), ready=ready, deleting=deleting)


@pytest.mark.parametrize(
    ("status", "always_allow", "now", "cause"),
    [
        pytest.param(pod(), False, ONE_LEFT, None, id="TestEviction: disruptions allowed"),
        pytest.param(pod("Pending", ready=False), False, TOO_FEW, None, id="TestEviction: pod pending"),
        pytest.param(pod("Succeeded", ready=False), False, TOO_FEW, None, id="TestEviction: pod succeeded"),
        pytest.param(pod("Failed", ready=False), False, TOO_FEW, None, id="TestEviction: pod failed"),
        pytest.param(pod(deleting=True), False, TOO_FEW, None, id="TestEvictionIngorePDB: pod terminating"),
        pytest.param(
            pod(),
            False,
            NONE_LEFT,
            "The disruption budget pdb needs 2 healthy pods and has 2 currently",
            id="TestEvictionIngorePDB: pod healthy, unhealthy pod not ours",
        ),
        pytest.param(pod(ready=False), False, NONE_LEFT, None, id="TestEvictionIngorePDB: unhealthy pod ours"),
        pytest.param(
            pod(ready=False),
            False,
            TOO_FEW,
            "The disruption budget pdb needs 2 healthy pods and has 1 currently",
            id="09c: too few healthy",
        ),
        pytest.param(pod(ready=False), True, TOO_FEW, None, id="09b: AlwaysAllow"),
        pytest.param(
            pod(),
            True,
            TOO_FEW,
            "The disruption budget pdb needs 2 healthy pods and has 1 currently",
            id="AlwaysAllow is for unhealthy pods",
        ),
        pytest.param(
            pod(),
            False,
            SPARE_OF_NOBODY,
            "The disruption budget pdb does not allow evicting pods currently",
            id="09d: a bare pod",
        ),
        pytest.param(
            pod(),
            False,
            BudgetStatus(failure="it broke"),
            "The disruption budget pdb does not allow evicting pods currently because it failed sync: it broke",
            id="failed sync",
        ),
    ],
)
def test_whether_a_pod_may_be_evicted(
    status: PodStatus, always_allow: bool, now: BudgetStatus, cause: str | None
) -> None:
    def check() -> None:
        check_eviction(status, [(budget(2, always_allow=always_allow), now)])

    if cause is None:
        check()
        return
    with pytest.raises(EvictionRefusedError, match="would violate the pod's disruption budget") as refused:
        check()
    assert (refused.value.code, refused.value.cause, refused.value.retriable) == (429, cause, True)


def test_two_budgets_are_one_too_many() -> None:
    both = [(budget(1), ONE_LEFT), (budget(1), ONE_LEFT)]
    with pytest.raises(EvictionRefusedError, match="more than one PodDisruptionBudget") as refused:
        check_eviction(pod(), both)
    assert (refused.value.code, refused.value.retriable) == (500, False)


def test_no_budget_allows_all() -> None:
    """TestEviction: non-matching pdbs."""
    check_eviction(pod(), [])
