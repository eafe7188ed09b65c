"""Rolling updates. kubernetes: pkg/controller/deployment/rolling_test.go, util/deployment_util_test.go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.controllers.rollout import (
    Fenceposts,
    ReplicaSet,
    Step,
    fenceposts,
    has_stalled,
    is_available,
    next_step,
)
from tests.kubelet.cases import Expect, case


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        # TestResolveFenceposts
        case("deployment.fenceposts.0", 2, "0%", "1%", Fenceposts(0, 1)),
        case("deployment.fenceposts.1", 1, "0%", "1%", Fenceposts(0, 1)),
        case("deployment.fenceposts.4", 2, "1%", "0%", Fenceposts(1, 0)),
        (1, "2%", "10%", Fenceposts(1, 0)),
        case("deployment.fenceposts.7", 4, "25%", "25%", Fenceposts(1, 1)),
        case("deployment.fenceposts.8", 10, "25%", "25%", Fenceposts(3, 2)),
        (10, 2, 3, Fenceposts(2, 3)),
        (10, 0, 0, Fenceposts(0, 1)),
        (0, "25%", "25%", Fenceposts(0, 1)),
        (3, "100%", "100%", Fenceposts(3, 3)),
    ],
)
def test_fenceposts(
    replicas: int, surge: int | str, unavailable: int | str, expected: Fenceposts, expect: Expect
) -> None:
    found = fenceposts(replicas, surge, unavailable)
    assert found == expected
    expect(maxUnavailable=found.max_unavailable, maxSurge=found.max_surge)


@pytest.mark.parametrize("value", ["10", "ten%", "%", "-1%", ""])
def test_no_percentage(value: str) -> None:
    with pytest.raises(ValueError, match="neither an integer nor a percentage"):
        fenceposts(10, value)


def available(*counts: int) -> tuple[ReplicaSet, ...]:
    return tuple(ReplicaSet(count, count) for count in counts)


@pytest.mark.parametrize(
    ("replicas", "fence", "new", "old", "expected"),
    [
        # the new set grows within the surge (TestDeploymentController_reconcileNewReplicaSet)
        (10, Fenceposts(0, 1), ReplicaSet(0, 0), available(10), Step(0, (9,))),
        (10, Fenceposts(2, 0), ReplicaSet(0, 0), available(10), Step(2, (10,))),
        (10, Fenceposts(2, 0), ReplicaSet(0, 0), available(5), Step(7, (5,))),
        (10, Fenceposts(2, 0), ReplicaSet(0, 0), (), Step(10, ())),
        (10, Fenceposts(2, 0), ReplicaSet(12, 12), (), Step(10, ())),
        (10, Fenceposts(2, 0), ReplicaSet(2, 0), available(10), Step(2, (10,))),
        (10, Fenceposts(2, 0), ReplicaSet(2, 1), available(10), Step(2, (9,))),
        (10, Fenceposts(2, 0), ReplicaSet(2, 2), available(10), Step(2, (8,))),
        # old pods go (TestDeploymentController_reconcileOldReplicaSets)
        (10, Fenceposts(0, 0), ReplicaSet(0, 0), available(10), Step(0, (10,))),
        (10, Fenceposts(0, 2), ReplicaSet(0, 0), available(10), Step(0, (8,))),
        (10, Fenceposts(0, 2), ReplicaSet(0, 0), (ReplicaSet(10, 8),), Step(0, (8,))),
        (10, Fenceposts(0, 2), ReplicaSet(0, 0), (ReplicaSet(10, 9),), Step(0, (8,))),
        (10, Fenceposts(0, 2), ReplicaSet(2, 0), (ReplicaSet(8, 8),), Step(2, (8,))),
        (10, Fenceposts(0, 2), ReplicaSet(2, 2), (ReplicaSet(8, 8),), Step(2, (6,))),
        # pods that aren't available go first, from the oldest set on (..._cleanupUnhealthyReplicas)
        (4, Fenceposts(2, 0), ReplicaSet(2, 2), (ReplicaSet(2, 2), ReplicaSet(2, 0)), Step(2, (2, 0))),
        (4, Fenceposts(2, 0), ReplicaSet(2, 2), (ReplicaSet(2, 1), ReplicaSet(2, 1)), Step(2, (1, 1))),
        (4, Fenceposts(2, 0), ReplicaSet(2, 1), (ReplicaSet(2, 0), ReplicaSet(2, 2)), Step(2, (1, 2))),
        # a new set that is never available stalls the rollout
        (4, Fenceposts(1, 1), ReplicaSet(2, 0), (ReplicaSet(3, 3),), Step(2, (3,))),
        (4, Fenceposts(1, 1), ReplicaSet(4, 4), (), Step(4, ())),
    ],
)  # fmt: skip
def test_the_next_step(
    replicas: int, fence: Fenceposts, new: ReplicaSet, old: tuple[ReplicaSet, ...], expected: Step
) -> None:
    assert next_step(replicas, fence, new, old) == expected


@pytest.mark.parametrize(
    ("ready", "since", "now", "min_ready", "expected"),
    [(True, 5, 5, 0, True), (False, 0, 100, 0, False), (True, 5, 15, 10, False), (True, 5, 15.1, 10, True)],
)
def test_availability(ready: bool, since: float, now: float, min_ready: int, expected: bool) -> None:
    assert is_available(ready=ready, ready_since=since, now=now, min_ready_seconds=min_ready) is expected


@pytest.mark.parametrize(("now", "expected"), [(609, False), (610, False), (610.1, True)])
def test_a_rollout_without_progress_is_reported(now: float, expected: bool) -> None:
    assert has_stalled(last_progress=10, now=now) is expected


@given(st.data(), st.integers(1, 12), st.integers(0, 100), st.integers(0, 100))
def test_a_rollout_keeps_its_bounds_and_ends(data: st.DataObject, replicas: int, surge: int, unavailable: int) -> None:
    fence = fenceposts(replicas, f"{surge}%", f"{unavailable}%")
    new, old = ReplicaSet(0, 0), (ReplicaSet(replicas, replicas),)
    for _ in range(10 * replicas):
        step = next_step(replicas, fence, new, old)
        assert step.new + sum(step.old) <= replicas + fence.max_surge
        assert new.replicas <= step.new <= replicas
        assert all(size <= before.replicas for size, before in zip(step.old, old, strict=True))
        old = tuple(ReplicaSet(size, min(size, o.available)) for size, o in zip(step.old, old, strict=True))
        ready = min(step.new, new.available)
        assert ready + sum(o.available for o in old) >= replicas - fence.max_unavailable
        new = ReplicaSet(step.new, data.draw(st.integers(ready, step.new)) if step.new > ready else ready)
        if step == Step(new.replicas, tuple(o.replicas for o in old)):
            new = ReplicaSet(new.replicas, new.replicas)  # in the end every pod becomes available
        if new.replicas == new.available == replicas and not any(o.replicas for o in old):
            return
    raise AssertionError("it never ends")
