"""A ReplicaSet and a ReplicationController of their own, in virtual time.

kubernetes: pkg/controller/replicaset/replica_set_test.go; 08a and 08b of the recordings of 1.36.2.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from crashy.clock import run_virtual
from crashy.controllers.replicaset import ReplicaSetWorkload
from tests.controllers.worlds import LABELS, POD, SPEC, World, manifests, world

REPLICA_SET: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "ReplicaSet",
    "metadata": {"name": "web"},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": LABELS},
        "template": {"metadata": {"labels": LABELS}, "spec": SPEC},
    },
}
REPLICATION_CONTROLLER = {
    **REPLICA_SET,
    "apiVersion": "v1",
    "kind": "ReplicationController",
    "spec": {**REPLICA_SET["spec"], "selector": LABELS},
}
KINDS = pytest.mark.parametrize("made", [REPLICA_SET, REPLICATION_CONTROLLER], ids=lambda made: str(made["kind"]))


def status(w: World) -> dict[str, int]:
    (controller,) = w.cluster.controllers(ReplicaSetWorkload)
    return controller.status()


@KINDS
def test_it_makes_its_pods_and_says_so(made: dict[str, Any]) -> None:
    """TestSyncReplicaSetCreates."""

    async def main() -> None:
        async with world(made) as w:
            events = w.events("SuccessfulCreate")

            assert [event.message for event in events] == [f"Created pod: {name}" for name in w.names()]
            assert {event.object for event in events} == {f"{made['kind'].lower()}/web"}
            assert all(name.startswith("web-") for name in w.names())
            counts = {"replicas": 3, "fullyLabeledReplicas": 3, "readyReplicas": 3, "availableReplicas": 3}
            assert status(w) == counts | ({"terminatingReplicas": 0} if made is REPLICA_SET else {})

    run_virtual(main())


@KINDS
def test_a_deleted_pod_is_replaced_at_once(made: dict[str, Any]) -> None:
    """TestDeletionTimestamp: one that is being deleted is no replica."""

    async def main() -> None:
        async with world(made) as w:
            w.cluster.delete(w.cluster.pods()[0].pod)

            assert len(w.names()) == 4
            assert status(w)["replicas"] == 3
            assert status(w).get("terminatingReplicas", 1) == 1

    run_virtual(main())


@KINDS
def test_what_is_not_ready_goes_first(made: dict[str, Any]) -> None:
    """TestSyncReplicaSetDeletes, TestGetPodsToDelete: 3 to 5 and back again deletes the two new ones, each once."""

    async def main() -> None:
        async with world(made) as w:
            (workload,) = w.cluster.workloads()
            before = w.names()
            w.cluster.scale(workload, 5)
            await asyncio.sleep(0.1)
            w.cluster.scale(workload, 3)
            await asyncio.sleep(5)

            assert w.names() == before
            assert len(w.events("SuccessfulDelete")) == 2

    run_virtual(main())


@KINDS
def test_another_template_is_for_new_pods(made: dict[str, Any]) -> None:
    async def main() -> None:
        changed = {**made, "spec": {**made["spec"], "template": {"metadata": {"labels": LABELS | {"v": "2"}}}}}
        changed["spec"]["template"]["spec"] = SPEC
        async with world(made) as w:
            before = w.names()
            w.cluster.apply(manifests(changed))
            assert w.names() == before

            w.cluster.delete(w.cluster.pods()[0].pod)
            assert w.cluster.pods()[-1].pod.template.labels == {**LABELS, "v": "2"}

    run_virtual(main())


@KINDS
def test_a_relabelled_pod_is_released_and_adopted_again(made: dict[str, Any]) -> None:
    """TestUpdateLabelsRemoveControllerRef; 08a: of the two then the younger goes."""

    async def main() -> None:
        async with world({**made, "spec": {**made["spec"], "replicas": 1}}) as w:
            (first,) = w.names()
            w.cluster.relabel(w.cluster.pods()[0].pod, {"app": "orphan"})
            assert len(w.names()) == 2
            assert status(w)["replicas"] == 1
            assert w.cluster.owner(w.cluster.pods()[0].pod) is None
            await asyncio.sleep(4)
            w.cluster.relabel(w.cluster.pods()[0].pod, LABELS)
            await asyncio.sleep(4)

            assert w.names() == [first]
            assert len(w.events("SuccessfulCreate")) == 2
            assert len(w.events("SuccessfulDelete")) == 1

    run_virtual(main())


def test_a_bare_pod_whose_labels_are_changed_is_adopted() -> None:
    async def main() -> None:
        bare = {**POD, "metadata": {"name": "bare", "labels": {"app": "other"}}}
        async with world(REPLICA_SET, bare) as w:
            w.cluster.apply(manifests({**POD, "metadata": {"name": "bare", "labels": LABELS}}))
            await asyncio.sleep(4)

            assert len(w.names()) == 3
            assert len(w.events("SuccessfulDelete")) == 1

    run_virtual(main())
