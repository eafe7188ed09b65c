"""Budgets over modelled containers, in virtual time: 09a to 09d of the recordings of 1.36.2."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from crashy.clock import run_virtual
from crashy.controllers.eviction import EvictionRefusedError
from tests.controllers.test_daemonset import daemon_set
from tests.controllers.worlds import LABELS, POD, TWO, World, manifests, world


def budget(**spec: Any) -> dict[str, Any]:
    spec = {"selector": {"matchLabels": LABELS}} | spec
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "pdb"}, "spec": spec}


def status(w: World) -> list[int]:
    """Return allowed, healthy, desired, expected."""
    (controller,) = w.cluster.budgets()
    return [*controller.status().values()]


def cause(w: World, number: int) -> str:
    with pytest.raises(EvictionRefusedError) as refused:
        w.cluster.evict(w.cluster.pods()[number].pod)
    assert refused.value.code == 429
    return refused.value.cause


def test_of_two_pods_one_may_go_and_the_other_once_its_replacement_is_ready() -> None:
    """09a."""

    async def main() -> None:
        async with world(budget(minAvailable=1), TWO) as w:
            assert status(w) == [1, 2, 1, 2]
            w.cluster.evict(w.cluster.pods()[0].pod)
            assert status(w) == [0, 1, 1, 3]
            assert cause(w, 1) == "The disruption budget pdb needs 1 healthy pods and has 1 currently"
            await asyncio.sleep(6)
            assert status(w) == [1, 2, 1, 2]
            w.cluster.evict(w.cluster.pods()[0].pod)

            conditions = [(e.object.partition("/")[0], e.reason) for e in w.timeline.since() if e.kind == "condition"]
            assert [reason for kind, reason in conditions if kind == "poddisruptionbudget"] == [
                *("InsufficientPods", "SufficientPods", "InsufficientPods", "SufficientPods", "InsufficientPods")
            ]
            assert conditions.count(("pod", "EvictionByEvictionAPI")) == 2

    run_virtual(main())


@pytest.mark.parametrize(("policy", "evicted"), [({"unhealthyPodEvictionPolicy": "AlwaysAllow"}, True), ({}, False)])
def test_pods_that_are_never_ready_go_by_always_allow_alone(policy: dict[str, str], evicted: bool) -> None:
    """09b and 09c."""

    async def main() -> None:
        async with world(budget(minAvailable=1, **policy), TWO, seconds=0) as w:
            w.runtime.healthy = lambda _: False
            await asyncio.sleep(5)
            if evicted:
                w.cluster.evict(w.cluster.pods()[0].pod)
                w.cluster.evict(w.cluster.pods()[1].pod)
                assert status(w) == [0, 0, 1, 4]
            else:
                for number in (0, 1):
                    wanted = "The disruption budget pdb needs 1 healthy pods and has 0 currently"
                    assert cause(w, number) == wanted

    run_virtual(main())


def test_a_bare_pod_has_no_scale() -> None:
    """09d."""

    async def main() -> None:
        async with world(POD, budget(maxUnavailable=1)) as w:
            assert status(w) == [0, 1, 0, 0]
            assert cause(w, 0) == "The disruption budget pdb does not allow evicting pods currently"
            reported = w.events("UnmanagedPods")
            assert len(reported) >= 3
            assert reported[0].data["type"] == "Warning"
            assert reported[0].message.startswith(
                "Pods selected by this PodDisruptionBudget (selector: &LabelSelector{MatchLabels:map[string]string{"
                "app: web,},MatchExpressions:[]LabelSelectorRequirement{},}) were found to be unmanaged."
            )

    run_virtual(main())


def test_a_daemon_set_has_no_scale_either() -> None:
    async def main() -> None:
        async with world(daemon_set(), budget(maxUnavailable=1)) as w:
            text = "apps/v1, Resource=daemonsets does not implement the scale subresource"
            assert w.events("CalculateExpectedPodCountFailed")[0].message.endswith(text)
            assert cause(w, 0).endswith(f"because it failed sync: {text}")

    run_virtual(main())


def test_a_budget_of_other_pods_says_that_it_has_none() -> None:
    async def main() -> None:
        async with world(TWO, budget(minAvailable=1, selector={"matchLabels": {"app": "other"}})) as w:
            assert [event.message for event in w.events("NoPods")] == ["No matching pods found"]
            w.cluster.evict(w.cluster.pods()[0].pod)  # no budget is in its way

    run_virtual(main())


def test_a_budget_is_changed_by_applying_another() -> None:
    async def main() -> None:
        async with world(budget(minAvailable=2), TWO) as w:
            assert status(w) == [0, 2, 2, 2]
            assert w.cluster.apply(manifests(budget(minAvailable="50%"), TWO)) == {
                ("PodDisruptionBudget", "default", "pdb"): "configured",
                ("Deployment", "default", "web"): "unchanged",
            }
            assert status(w) == [1, 2, 1, 2]

    run_virtual(main())
