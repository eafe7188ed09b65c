"""What a DaemonSet makes and deletes on its one node.

Rows from kubernetes: pkg/controller/daemon/{daemon_controller,update}_test.go, and 07a and 07b of the recordings.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from crashy.controllers.daemons import DaemonPod, Decision, decide

OLD = DaemonPod("old", updated=False)
NEW = DaemonPod("new")
NOTHING = Decision()
GOING = {"deleting": True}
GONE = {"deleting": True, "ended": True}


@pytest.mark.parametrize(
    ("pods", "decision"),
    [
        pytest.param([], Decision(create=True), id="TestSimpleDaemonSetLaunchesPods"),
        pytest.param([NEW], NOTHING, id="TestDealsWithExistingPods: one on a node"),
        pytest.param(
            [NEW, DaemonPod("b"), DaemonPod("c")],
            Decision(delete=("b", "c")),
            id="TestDealsWithExistingPods: five on a node",
        ),
        pytest.param([replace(NEW, ready=False, available=False)], NOTHING, id="TestDaemonSetUpdatesNoTemplateChanged"),
        pytest.param([replace(NEW, ended=True)], Decision(delete=("new",)), id="TestDaemonKillFailedPods"),
        pytest.param(
            [replace(NEW, ended=True), DaemonPod("b")],
            Decision(delete=("new",)),
            id="TestDaemonKillFailedPods: beside one that runs",
        ),
        pytest.param([OLD], Decision(delete=("old",)), id="TestDaemonSetUpdatesPods"),
        pytest.param(
            [replace(OLD, available=False)], Decision(delete=("old",)), id="TestDaemonSetUpdatesAllOldPodsNotReady"
        ),
        pytest.param([replace(OLD, **GOING)], NOTHING, id="07a: not while the old one ends"),
        pytest.param([replace(OLD, **GONE)], Decision(create=True), id="07a: as soon as the old one has ended"),
        pytest.param([replace(NEW, **GOING)], NOTHING, id="07a: by hand, not while it ends"),
        pytest.param([replace(OLD, **GONE), NEW], NOTHING, id="07a: the two overlap"),
    ],
)
def test_a_rolling_update_without_surge(pods: list[DaemonPod], decision: Decision) -> None:
    assert decide(pods) == decision


@pytest.mark.parametrize(
    ("pods", "decision"),
    [
        pytest.param([OLD], Decision(create=True), id="TestDaemonSetUpdatesPodsWithMaxSurge"),
        pytest.param([OLD, replace(NEW, ready=False, available=False)], NOTHING, id="TestSurgePreservesReadyOldPods"),
        pytest.param(
            [OLD, replace(NEW, available=False)], NOTHING, id="TestSurgePreservesOldReadyWithUnsatisfiedMinReady"
        ),
        pytest.param([OLD, NEW], Decision(delete=("old",)), id="TestSurgeDeletesOldReadyWithUnsatisfiedMinReady, 07b"),
        pytest.param(
            [replace(OLD, ready=False, available=False), replace(NEW, ready=False, available=False)],
            Decision(delete=("old",)),
            id="TestSurgeDeletesUnreadyOldPods",
        ),
        pytest.param(
            [replace(NEW, **GOING)],
            Decision(create=True),
            id="TestSurgeCreatesNewPodWhenAtMaxSurgeAndOldPodDeleted, 07b",
        ),
        pytest.param(
            [OLD, NEW, DaemonPod("b")], Decision(delete=("b", "old")), id="TestSurgeDealsWithExistingPods: several"
        ),
        pytest.param([NEW], NOTHING, id="TestSurgeDealsWithExistingPods"),
    ],
)
def test_a_rolling_update_with_surge(pods: list[DaemonPod], decision: Decision) -> None:
    assert decide(pods, surges=True) == decision


@pytest.mark.parametrize(
    ("pods", "decision"),
    [
        pytest.param([OLD], NOTHING, id="nothing on the change"),
        pytest.param([replace(OLD, **GONE)], Decision(create=True), id="the next is of the new template"),
    ],
)
def test_on_delete_waits_for_somebody_to_delete(pods: list[DaemonPod], decision: Decision) -> None:
    assert decide(pods, on_delete=True) == decision
