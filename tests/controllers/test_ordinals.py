"""What a StatefulSet does next, as a table: each row names the test or the function upstream that it is a fact of.

kubernetes: pkg/controller/statefulset/{stateful_set_control,stateful_set_utils,stateful_set}_test.go, 1.36.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from crashy.controllers.ordinals import (
    Revisions,
    StatefulPod,
    Step,
    completed_rollout,
    next_step,
    revision_of,
    status_of,
)
from crashy.objects.pod import PodTemplate
from crashy.objects.selector import LabelSelector
from crashy.objects.statefulset import StatefulSet

OLD = StatefulPod("old")
NEW = StatefulPod("new")
SAME = Revisions("old", "old")
ROLLING = Revisions("old", "new")
PARALLEL = {"ordered": False}


def starting(pod: StatefulPod) -> StatefulPod:
    return replace(pod, ready=False, available=False)


def young(pod: StatefulPod) -> StatefulPod:
    """Return one that is ready, but not yet for minReadySeconds."""
    return replace(pod, available=False)


def going(pod: StatefulPod) -> StatefulPod:
    return replace(pod, deleting=True)


def ended(pod: StatefulPod) -> StatefulPod:
    return replace(starting(pod), ended=True)


def stateful_set(replicas: int, **fields: Any) -> StatefulSet:
    template, selector = PodTemplate(()), LabelSelector({"app": "web"})
    known = {"name": "web", "namespace": "default", "selector": selector, "template": template, "source": "test.yaml:1"}
    return StatefulSet(replicas=replicas, **known, **fields)


def numbered(*pods: StatefulPod, start: int = 0) -> dict[int, StatefulPod]:
    return dict(enumerate(pods, start))


SCALING = {
    "CreatesPods/Monotonic: the first": (stateful_set(3), {}, Step(create=((0, "old"),))),
    "CreatesPods/Burst: all of them": (
        stateful_set(3, **PARALLEL),
        {},
        Step(create=((0, "old"), (1, "old"), (2, "old"))),
    ),
    "CreatesPods/Monotonic: the next once the one before is ready": (
        stateful_set(3),
        numbered(OLD),
        Step(create=((1, "old"),)),
    ),
    "assertMonotonicInvariants: not before": (stateful_set(3), numbered(starting(OLD)), Step()),
    "ScalesUp/Monotonic": (stateful_set(4), numbered(OLD, OLD, OLD), Step(create=((3, "old"),))),
    "ScalesUp/Burst": (stateful_set(5, **PARALLEL), numbered(OLD, OLD, OLD), Step(create=((3, "old"), (4, "old")))),
    "ScalesDown/Monotonic: the highest first": (stateful_set(0), numbered(OLD, OLD, OLD), Step(delete=(2,))),
    "ScalesDown/Monotonic: the next once it is gone": (stateful_set(0), numbered(OLD, OLD, going(OLD)), Step()),
    "ScalesDown/Burst": (stateful_set(0, **PARALLEL), numbered(OLD, OLD, OLD), Step(delete=(2, 1, 0))),
    "ScalesDown/Burst: those that go are not deleted again": (
        stateful_set(0, **PARALLEL),
        numbered(OLD, OLD, going(OLD)),
        Step(delete=(1, 0)),
    ),
    "ReplacesPods/Monotonic: the lowest that is missing": (
        stateful_set(5),
        {1: OLD, 3: OLD},
        Step(create=((0, "old"),)),
    ),
    "ReplacesPods/Burst: all that are missing": (
        stateful_set(5, **PARALLEL),
        {1: OLD, 3: OLD},
        Step(create=((0, "old"), (2, "old"), (4, "old"))),
    ),
    "RecreatesFailedPod/Monotonic: it is deleted first": (stateful_set(3), numbered(ended(OLD)), Step(delete=(0,))),
    "RecreatesFailedPodWithDeleteFailure: but once": (stateful_set(3), numbered(going(ended(OLD))), Step()),
    "RecreatesSucceededPod/Burst: and holds up no other": (
        stateful_set(3, **PARALLEL),
        numbered(ended(OLD)),
        Step(create=((1, "old"), (2, "old")), delete=(0,)),
    ),
    "RecreatesFailedPod/Burst: nor those that are too many": (
        stateful_set(1, **PARALLEL),
        numbered(ended(OLD), OLD),
        Step(delete=(0, 1)),
    ),
    "TestStatefulSetControllerRespectsTermination: one that goes counts until it is gone": (
        stateful_set(3),
        numbered(OLD, going(OLD), OLD),
        Step(),
    ),
    "TestStatefulSetControllerBlocksScaling: scaling down waits for the replicas": (
        stateful_set(2),
        numbered(OLD, starting(OLD), OLD),
        Step(),
    ),
    "processCondemned: the one unhealthy is deleted": (
        stateful_set(1),
        numbered(OLD, OLD, starting(OLD)),
        Step(delete=(2,)),
    ),
    "processCondemned: another unhealthy one blocks": (
        stateful_set(1),
        numbered(OLD, starting(OLD), starting(OLD)),
        Step(),
    ),
    "processCondemned: neither does one that is not yet available": (
        stateful_set(1, min_ready_seconds=5),
        numbered(OLD, OLD, young(OLD)),
        Step(delete=(2,)),
    ),
    "TestStatefulSetAvailability: scaling up waits for minReadySeconds": (
        stateful_set(2, min_ready_seconds=5),
        numbered(young(OLD)),
        Step(),
    ),
    "TestStatefulSetAvailability: in Burst it does not": (
        stateful_set(2, min_ready_seconds=5, **PARALLEL),
        numbered(young(OLD)),
        Step(create=((1, "old"),)),
    ),
    "getStartOrdinal: the first is of that ordinal": (stateful_set(2, start=3), {}, Step(create=((3, "old"),))),
    "podInOrdinalRange: what is below the start goes, once the others are there": (
        stateful_set(2, start=1),
        numbered(OLD, OLD, OLD),
        Step(delete=(0,)),
    ),
    "podInOrdinalRange: a higher start first makes those on top": (
        stateful_set(2, start=1),
        numbered(OLD, OLD),
        Step(create=((2, "old"),)),
    ),
}


@pytest.mark.parametrize(("workload", "pods", "step"), SCALING.values(), ids=SCALING)
def test_pods_are_made_and_deleted(workload: StatefulSet, pods: dict[int, StatefulPod], step: Step) -> None:
    assert next_step(workload, pods, SAME) == step


ON_DELETE = {"on_delete": True}
UPDATES = {
    "TestStatefulSetControlRollingUpdate/monotonic image update: from the top": (
        stateful_set(3),
        numbered(OLD, OLD, OLD),
        Step(delete=(2,)),
    ),
    "… once the one above is gone and made anew": (
        stateful_set(3),
        numbered(OLD, OLD),
        Step(create=((2, "new"),)),
    ),
    "… and ready": (stateful_set(3), numbered(OLD, OLD, NEW), Step(delete=(1,))),
    "… not before": (stateful_set(3), numbered(OLD, OLD, starting(NEW)), Step()),
    "… until all are": (stateful_set(3), numbered(NEW, NEW, NEW), Step()),
    "…/monotonic image update and scale up: first the missing ones, new": (
        stateful_set(5),
        numbered(OLD, OLD, OLD),
        Step(create=((3, "new"),)),
    ),
    "…/monotonic image update and scale down: first what is too many": (
        stateful_set(3),
        numbered(OLD, OLD, OLD, OLD, OLD),
        Step(delete=(4,)),
    ),
    "…/burst image update: one at a time all the same": (
        stateful_set(3, **PARALLEL),
        numbered(OLD, OLD, OLD),
        Step(delete=(2,)),
    ),
    "…/burst image update and scale up: the missing ones are waited for": (
        stateful_set(5, **PARALLEL),
        numbered(OLD, OLD, OLD),
        Step(create=((3, "new"), (4, "new"))),
    ),
    "…/burst image update and scale down: both at once": (
        stateful_set(3, **PARALLEL),
        numbered(OLD, OLD, OLD, OLD, OLD),
        Step(delete=(4, 3, 2)),
    ),
    "TestStatefulSetControlOnDeleteUpdate/monotonic image update": (
        stateful_set(3, **ON_DELETE),
        numbered(OLD, OLD, OLD),
        Step(),
    ),
    "TestStatefulSetControlOnDeleteUpdate/monotonic image update and scale up": (
        stateful_set(5, **ON_DELETE),
        numbered(OLD, OLD, OLD),
        Step(create=((3, "new"),)),
    ),
    "TestStatefulSetControlRollingUpdateWithPartition/monotonic image update": (
        stateful_set(3, partition=2),
        numbered(OLD, OLD, NEW),
        Step(),
    ),
    "…: the partition counts from the first ordinal": (
        stateful_set(3, start=5, partition=2),
        numbered(OLD, OLD, OLD, start=5),
        Step(delete=(7,)),
    ),
    "TestStatefulSetControlRollback: the template put back, from the top again": (
        stateful_set(3),
        numbered(NEW, OLD, OLD),
        Step(delete=(2,)),
    ),
    "isUnavailable: the update waits for minReadySeconds": (
        stateful_set(3, min_ready_seconds=5),
        numbered(OLD, OLD, young(NEW)),
        Step(),
    ),
    "NewRevisionDeletePodFailure/Burst: a pod that has ended is deleted once": (
        stateful_set(1, **PARALLEL),
        numbered(ended(OLD)),
        Step(delete=(0,)),
    ),
    "kubernetes#67250: a broken pod blocks its own rollback": (
        stateful_set(3),
        numbered(NEW, NEW, starting(OLD)),
        Step(),
    ),
    "kubernetes#67250: in Burst it does not": (
        stateful_set(3, **PARALLEL),
        numbered(NEW, NEW, starting(OLD)),
        Step(delete=(2,)),
    ),
}


@pytest.mark.parametrize(("workload", "pods", "step"), UPDATES.values(), ids=UPDATES)
def test_an_update_goes_from_the_top_down(workload: StatefulSet, pods: dict[int, StatefulPod], step: Step) -> None:
    assert next_step(workload, pods, ROLLING) == step


@pytest.mark.parametrize(
    ("workload", "ordinal", "revision"),
    [
        (stateful_set(3, partition=1), 0, "old"),
        (stateful_set(3, partition=1), 1, "new"),
        (stateful_set(3, start=5, partition=1), 5, "old"),
        (stateful_set(3, start=5, partition=1), 6, "new"),
        (stateful_set(3, partition=1, **ON_DELETE), 0, "new"),
    ],
)
def test_a_pod_below_the_partition_comes_back_as_it_was(workload: StatefulSet, ordinal: int, revision: str) -> None:
    """stateful_set_utils.go isCurrentRevisionNeeded."""
    assert revision_of(workload, ordinal, ROLLING) == revision


@pytest.mark.parametrize(
    ("workload", "pods", "completed"),
    [
        (stateful_set(2), numbered(NEW, NEW), True),
        (stateful_set(2), numbered(OLD, NEW), False),
        (stateful_set(2), numbered(NEW, starting(NEW)), False),
        (stateful_set(2), numbered(NEW), False),
        (stateful_set(1), numbered(NEW, NEW), False),
        (stateful_set(2, **ON_DELETE), numbered(NEW, NEW), False),
    ],
)
def test_an_update_is_completed_once_all_pods_are_new_and_ready(
    workload: StatefulSet, pods: dict[int, StatefulPod], completed: bool
) -> None:
    """stateful_set_utils.go completeRollingUpdate."""
    assert completed_rollout(workload, pods, ROLLING) is completed


@pytest.mark.parametrize(
    ("pods", "counts"),
    [
        (numbered(OLD, OLD, NEW), {"readyReplicas": 3, "currentReplicas": 2, "updatedReplicas": 1}),
        (numbered(OLD, going(OLD)), {"readyReplicas": 2, "currentReplicas": 1}),
        (numbered(starting(NEW)), {"updatedReplicas": 1, "availableReplicas": 0}),
        (numbered(young(NEW)), {"readyReplicas": 1, "updatedReplicas": 1, "availableReplicas": 0}),
    ],
)
def test_the_status_counts_the_pods(pods: dict[int, StatefulPod], counts: dict[str, int]) -> None:
    """stateful_set_control.go computeReplicaStatus: one that is deleted counts as a replica until it is gone."""
    always = {"replicas": len(pods), "currentRevision": "old", "updateRevision": "new", "availableReplicas": len(pods)}

    assert status_of(pods, ROLLING) == always | counts
