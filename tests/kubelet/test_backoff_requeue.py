"""When a pod is synced again. kubelet: pkg/kubelet/pod_workers_test.go TestCompleteWork."""

from __future__ import annotations

import random

import pytest

from crashy.kubelet.backoff import GC_SECONDS, RESYNC_SECONDS, WORK_QUEUE_SECONDS, SyncFailure, requeue_delay
from crashy.kubelet.versions import PROFILES, Requeue
from tests.kubelet.cases import Expect, case

OTHER = SyncFailure()
NETWORK = SyncFailure(network_not_ready=True)
NOW = 1000.0


def backoff(seconds: float) -> SyncFailure:
    return SyncFailure(until=NOW + seconds)


class Highest(random.Random):
    def random(self) -> float:
        return 1.0


class Lowest(random.Random):
    def random(self) -> float:
        return 0.0


MODERN, POLL, EXACT = Requeue.WINDOW, Requeue.POLL, Requeue.EXACT


@pytest.mark.parametrize(
    ("failures", "requeue", "resync", "least", "most"),
    [
        case("requeue.backoff-error-5s", [backoff(5)], MODERN, 60, 5, 7.5),
        case("requeue.aggregate-one", [OTHER, backoff(7)], MODERN, 60, 7, 10.5),
        case("requeue.aggregate-min", [backoff(10), backoff(3)], MODERN, 60, 3, 4.5),
        case("requeue.backoff-in-past", [backoff(-5)], MODERN, 60, 0, 0),
        case("requeue.backoff-longer-than-resync", [backoff(40)], MODERN, 20, 20, 30),
        case("requeue.network-not-ready-aggregate", [OTHER, NETWORK], MODERN, 60, 1, 1.5),
        case("requeue.network-beats-backoff", [OTHER, NETWORK, backoff(3)], MODERN, 60, 1, 1.5),
        ([], MODERN, 60, 60, 90),
        ([OTHER], MODERN, 60, 10, 15),
        ([backoff(300)], MODERN, 60, 60, 90),
        ([backoff(5)], POLL, 60, 10, 15),
        ([backoff(300)], POLL, 60, 10, 15),
        ([OTHER], POLL, 60, 10, 15),
        ([NETWORK], POLL, 60, 1, 1.5),
        ([], POLL, 60, 60, 90),
        ([backoff(5)], EXACT, 60, 5, 5),
        ([backoff(300)], EXACT, 60, 300, 300),
        ([backoff(-5)], EXACT, 60, 0, 0),
        ([OTHER], EXACT, 60, 10, 15),
        ([backoff(0.5)], MODERN, 60, 0.5, 0.75),
    ],
)
def test_delay(
    failures: list[SyncFailure], requeue: Requeue, resync: float, least: float, most: float, expect: Expect
) -> None:
    bounds = [requeue_delay(NOW, failures, rng, requeue=requeue, resync=resync) for rng in (Lowest(), Highest())]
    assert bounds == pytest.approx([least, most])
    expect(delay_s=bounds)


@pytest.mark.case("requeue.phase-transition")
def test_a_change_of_the_pods_phase_of_life_syncs_at_once(expect: Expect) -> None:
    delay = requeue_delay(NOW, [], Highest(), phase_transition=True)
    assert delay == 0
    expect(delay_s=delay)
    assert requeue_delay(NOW, [OTHER, NETWORK], Highest(), phase_transition=True) == 0


def test_the_kubelets_periods() -> None:
    """kubelet: syncFrequency, housekeepingPeriod and syncLoop's ticker."""
    assert (RESYNC_SECONDS, GC_SECONDS, WORK_QUEUE_SECONDS) == (60, 2, 1)
    assert requeue_delay(NOW, [], Lowest()) == 60


@pytest.mark.parametrize(
    ("version", "requeue"),
    [("1.20", POLL), ("1.32", POLL), ("1.34", POLL), ("1.36", MODERN)],
)
def test_versions(version: str, requeue: Requeue) -> None:
    assert PROFILES[version].requeue is requeue


def test_by_default_it_is_the_newest_kubelets() -> None:
    assert requeue_delay(NOW, [backoff(5)], Highest()) == pytest.approx(7.5)
