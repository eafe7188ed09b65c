"""One sync of a Job: cases of upstream's `TestControllerSyncJob` and its neighbours, a row each, named as there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from crashy.controllers.job_pods import FAILURES, INDEX, Backoff, JobPod
from crashy.controllers.job_sync import Condition, JobStatus, Step, sync
from tests.controllers.jobs import job

NOW = 1_000_000.0  # long after any pod's end: no back-off
INDEXED = {"completionMode": "Indexed"}
LIMIT = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")


def pods(text: str) -> list[JobPod]:
    """Read pods: `2 running, 1 ready, 3 failed, 0 succeeded@1` (an index behind the `@`)."""
    found: list[JobPod] = []
    for part in filter(None, text.split(", ")):
        count, what = part.split(" ")
        kind, _, index = what.partition("@")
        phase = {"ready": "Running", "terminating": "Running"}.get(kind, kind.capitalize())
        marks = {INDEX: index} if index else {}
        for _ in range(int(count)):
            uid = f"{kind}-{len(found)}"
            more: dict[str, Any] = {"ready": kind == "ready", "deleting": kind == "terminating"}
            found.append(JobPod(uid, uid, phase=phase, finished=1.0, annotations=marks, **more))
    return found


@dataclass(frozen=True)
class Case:
    """A Job and its pods, and what a sync makes of them: pods deleted and created, and the status afterwards."""

    spec: dict[str, Any]
    pods: str = ""
    status: JobStatus = field(default_factory=JobStatus)
    backoff: Backoff = field(default_factory=Backoff)
    creates: int | list[int] = 0
    deletes: int = 0
    active: int = 0
    ready: int = 0
    succeeded: int = 0
    failed: int = 0
    terminating: int = 0
    conditions: str = ""
    completed: str = ""
    """completedIndexes."""


def spec(parallelism: int, completions: int | None, **more: Any) -> dict[str, Any]:
    return {"parallelism": parallelism} | ({} if completions is None else {"completions": completions}) | more


COMPLETE = "SuccessCriteriaMet=True/CompletionsReached Complete=True/CompletionsReached"
TARGET = "FailureTarget=True/BackoffLimitExceeded"
FAILED = f"{TARGET} Failed=True/BackoffLimitExceeded"
SUSPENDED = "Suspended=True/JobSuspended"
STARTED = JobStatus(started=NOW)

CASES = {
    "job start": Case(spec(2, 5), creates=2, active=2),
    "WQ job start": Case(spec(2, None), creates=2, active=2),
    "pending pods": Case(spec(2, 5), "2 pending", active=2),
    "correct # of pods": Case(spec(3, 5), "2 ready, 1 running", active=3, ready=2),
    "WQ job: correct # of pods": Case(spec(2, None), "2 running", active=2),
    "too few active pods": Case(spec(2, 5), "1 running, 1 succeeded", creates=1, active=2, succeeded=1),
    "WQ job: recreate pods when failed": Case(
        spec(1, None, podReplacementPolicy="Failed"),
        *("1 running, 1 failed, 1 terminating",),
        active=1,
        failed=1,
        terminating=1,
    ),
    "WQ job: turn on PodReplacementPolicy but not set PodReplacementPolicy": Case(
        spec(1, 1), "1 running, 1 failed, 1 terminating", active=1, failed=2, terminating=1
    ),
    "WQ job: recreate pods when terminating or failed": Case(
        spec(1, None, podReplacementPolicy="TerminatingOrFailed"),
        *("1 running, 1 failed, 1 terminating",),
        active=1,
        failed=2,
        terminating=1,
    ),
    "more terminating pods than parallelism": Case(
        spec(1, 1, podReplacementPolicy="Failed"), "2 running, 4 terminating", deletes=1, active=1, terminating=5
    ),
    "more terminating pods than parallelism; PodFailurePolicy used": Case(
        spec(1, 1, podFailurePolicy={"rules": []}), "2 running, 4 terminating", deletes=1, active=1, terminating=5
    ),
    "too few active pods and active back-off": Case(spec(1, 1), backoff=Backoff(1, NOW), status=STARTED),
    "too few active pods and no back-offs": Case(spec(1, 1), backoff=Backoff(0, NOW), creates=1, active=1),
    "too few active pods with a dynamic job": Case(spec(2, None), "1 running", creates=1, active=2),
    "too many active pods": Case(spec(2, 5), "3 running", deletes=1, active=2, terminating=1),
    "count ready pods when too many active pods": Case(
        spec(2, 5), "3 ready", deletes=1, active=2, ready=2, terminating=1
    ),
    "failed + succeed pods: reset backoff delay": Case(
        spec(2, 5), "1 running, 1 succeeded, 1 failed", creates=1, active=2, succeeded=1, failed=1
    ),
    "new failed pod": Case(spec(2, 5), "1 running, 1 failed", creates=1, active=2, failed=1),
    "no new pod; possible finalizer update of failed pod": Case(
        spec(1, 1), "1 running", status=JobStatus(active=1, failed=1), active=1, failed=1
    ),
    "job finish": Case(spec(2, 5), "5 succeeded", succeeded=5, conditions=COMPLETE),
    "WQ job finishing": Case(spec(2, None), "1 running, 1 succeeded", active=1, succeeded=1),
    "WQ job all finished": Case(spec(2, None), "2 succeeded", succeeded=2, conditions=COMPLETE),
    "WQ job all finished despite one failure": Case(
        spec(2, None), "1 succeeded, 1 failed", succeeded=1, failed=1, conditions=COMPLETE
    ),
    "more active pods than parallelism": Case(spec(2, 5), "10 running", deletes=8, active=2, terminating=8),
    "more active pods than remaining completions": Case(
        spec(3, 4), "3 running, 2 succeeded", deletes=1, active=2, succeeded=2, terminating=1
    ),
    "status change": Case(spec(2, 5), "2 running, 2 succeeded", active=2, succeeded=2),
    "too many job failures": Case(spec(2, 5, backoffLimit=0), "1 failed", failed=1, conditions=FAILED),
    "indexed job start": Case(spec(2, 5, **INDEXED), creates=[0, 1], active=2),
    "indexed job with some pods deleted, podReplacementPolicy Failed": Case(
        spec(2, 5, podReplacementPolicy="Failed", **INDEXED), "1 terminating", creates=[0], active=1, terminating=1
    ),
    "indexed job with some pods deleted, podReplacementPolicy TerminatingOrFailed": Case(
        spec(2, 5, podReplacementPolicy="TerminatingOrFailed", **INDEXED),
        *("1 terminating",),
        creates=[0, 1],
        active=2,
        terminating=1,
    ),
    "indexed job with indexes outside of range": Case(
        spec(2, 5, **INDEXED),
        *("1 succeeded@0, 1 running@5, 1 succeeded@6, 1 pending@7, 1 failed@8",),
        deletes=2,
        succeeded=1,
        terminating=2,
        completed="0",
    ),
    "indexed job some pods without index": Case(
        spec(2, 5, **INDEXED),
        *("1 running, 1 succeeded, 1 failed, 1 pending, 1 succeeded@0, 1 running@1, 1 running@2",),
        deletes=2,
        active=2,
        succeeded=1,
        terminating=2,
        completed="0",
    ),
    "indexed job completed": Case(
        spec(2, 3, **INDEXED),
        *("1 succeeded@0, 1 failed@1, 1 succeeded@1, 1 succeeded@2",),
        succeeded=3,
        failed=1,
        completed="0-2",
        conditions=COMPLETE,
    ),
    "indexed job failed (counts terminating pods)": Case(
        spec(2, 3, backoffLimit=0, **INDEXED),
        *("1 succeeded@0, 1 failed@1, 1 running@2",),
        deletes=1,
        succeeded=1,
        failed=2,
        terminating=1,
        completed="0",
        conditions=TARGET,
    ),
    "count ready pods when job fails": Case(
        spec(2, 3, backoffLimit=0), "2 ready, 1 failed", deletes=2, failed=3, terminating=2, conditions=TARGET
    ),
    "indexed job repeated completed index": Case(
        spec(2, 3, **INDEXED),
        *("1 succeeded@0, 2 succeeded@1",),
        creates=[2],
        active=1,
        succeeded=2,
        completed="0,1",
    ),
    "indexed job some running and completed pods": Case(
        spec(8, 20, **INDEXED),
        "1 running@0, 1 succeeded@2, 1 pending@3, 1 succeeded@4, 1 succeeded@5, 1 succeeded@7, 1 succeeded@8, "
        "1 succeeded@9",
        creates=[1, 6, 10, 11, 12, 13],
        active=8,
        succeeded=6,
        completed="2,4,5,7-9",
    ),
    "indexed job some failed pods": Case(
        spec(3, 4, **INDEXED), "1 failed@0, 1 pending@1, 1 failed@2", creates=[0, 2], active=3, failed=2
    ),
    "suspending a job with satisfied expectations; PodReplacementPolicy enabled": Case(
        spec(2, 4, suspend=True), "2 running", deletes=2, terminating=2, conditions=SUSPENDED
    ),
    "count ready pods when suspending a job with satisfied expectations": Case(
        spec(2, 4, suspend=True), "2 ready", deletes=2, terminating=2, conditions=SUSPENDED
    ),
    "suspending a job with partially completed pods": Case(
        spec(2, 4, suspend=True),
        *("2 succeeded, 2 running",),
        deletes=2,
        succeeded=2,
        terminating=2,
        conditions=SUSPENDED,
    ),
    "resuming a suspended job": Case(
        spec(2, 4),
        status=JobStatus((Condition("Suspended", True, "JobSuspended", "Job suspended", 1),)),
        creates=2,
        active=2,
        conditions="Suspended=False/JobResumed",
    ),
    "suspending a deleted job": Case(spec(2, 5, suspend=True), conditions=SUSPENDED),
}


def check(case: Case, step: Step) -> None:
    created = len(step.create) if isinstance(case.creates, int) else list(step.create)
    last = step.last
    conditions = [f"{one.type}={one.status}/{one.reason}" for one in last.conditions]

    assert (created, len(step.delete)) == (case.creates, case.deletes)
    assert (last.active, last.ready, last.terminating) == (case.active, case.ready, case.terminating)
    assert (last.succeeded, last.failed) == (case.succeeded, case.failed)
    assert " ".join(conditions) == case.conditions
    assert last.fields().get("completedIndexes", "") == case.completed


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_sync(case: Case) -> None:
    """kubernetes: pkg/controller/job/job_controller_test.go TestControllerSyncJob."""
    check(case, sync(job(**case.spec), case.status, pods(case.pods), case.backoff, NOW))


@pytest.mark.parametrize(
    ("deadline", "started", "given", "more", "conditions", "deletes", "again"),
    [
        pytest.param(10, 10, "1 running, 1 succeeded", {}, "FailureTarget=True/DeadlineExceeded", 1, None, id="past"),
        pytest.param(10, 10, "1 succeeded", {}, "DeadlineExceeded", 0, None, id="past, with no pod left"),
        pytest.param(10, 10, "2 running", {"suspend": True}, SUSPENDED, 2, None, id="suspended: it doesn't count"),
        pytest.param(10, 4, "2 running", {}, "", 0, 6, id="not yet: it comes again when it is"),
    ],
)
def test_past_the_deadline(
    deadline: int, started: float, given: str, more: dict[str, Any], conditions: str, deletes: int, again: float | None
) -> None:
    """kubernetes: pkg/controller/job/job_controller_test.go TestSyncJobPastDeadline."""
    one = job(**spec(2, 4, activeDeadlineSeconds=deadline, **more))
    step = sync(one, JobStatus(started=NOW - started), pods(given), Backoff(), NOW)

    shown = " ".join(f"{c.type}={c.status}/{c.reason}" for c in step.last.conditions)
    ended = {"DeadlineExceeded": "FailureTarget=True/DeadlineExceeded Failed=True/DeadlineExceeded"}
    assert (shown, len(step.delete)) == (ended.get(conditions, conditions), deletes)
    assert step.again == again


@pytest.mark.parametrize(
    ("limit", "restarts", "phase", "fails"),
    [
        pytest.param(7, [8], "Running", True, id="backoffLimit 7 - reached (single)"),
        pytest.param(7, [3, 4], "Running", True, id="reached by several pods"),
        pytest.param(7, [2, 3], "Running", False, id="not reached"),
        pytest.param(0, [0], "Running", False, id="backoffLimit 0 should have 1 pod active"),
        pytest.param(0, [1], "Pending", True, id="backoffLimit 0 after the first restart, of a pending pod"),
        pytest.param(1, [0], "Running", False, id="backoffLimit 1 with restartCount 0 should have 1 pod active"),
        pytest.param(1, [1], "Running", True, id="backoffLimit 1 with restartCount 1"),
    ],
)
def test_restarts_of_its_pods_with_on_failure(limit: int, restarts: list[int], phase: str, fails: bool) -> None:
    """kubernetes: pkg/controller/job/job_controller_test.go TestJobBackoffForOnFailure."""
    given = [JobPod(f"{n}", phase=phase, restarts=count) for n, count in enumerate(restarts)]
    step = sync(job("OnFailure", **spec(2, 2, backoffLimit=limit)), JobStatus(), given, Backoff(), NOW)

    assert bool(step.last.condition("FailureTarget")) is fails
    assert len(step.delete) == (len(given) if fails else 0)


@pytest.mark.parametrize(
    ("limit", "phases", "active", "failed", "verdict"),
    [
        pytest.param(0, "1 failed", 0, 1, "Failed", id="not enough failures with backoffLimit 0 - single pod"),
        pytest.param(1, "1 failed", 1, 1, "", id="not enough failures with backoffLimit 1 - single pod"),
        pytest.param(1, "2 failed", 0, 2, "Failed", id="too many failures with backoffLimit 1"),
        pytest.param(6, "6 failed", 1, 6, "", id="not enough failures with backoffLimit 6"),
        pytest.param(6, "7 failed", 0, 7, "Failed", id="too many failures with backoffLimit 6"),
    ],
)
def test_failed_pods_with_never(limit: int, phases: str, active: int, failed: int, verdict: str) -> None:
    """kubernetes: pkg/controller/job/job_controller_test.go TestJobBackoffOnRestartPolicyNever."""
    step = sync(job(**spec(1, 1, backoffLimit=limit)), JobStatus(), pods(phases), Backoff(), NOW)

    assert (step.last.active, step.last.failed) == (active, failed)
    assert (step.last.finished.type if step.last.finished else "") == verdict


def test_a_failed_pod_delays_the_next_one_by_its_end() -> None:
    """kubernetes: pkg/controller/job/job_controller_test.go TestJobBackoff; 05b of the recordings: 10, 20, 40 s."""
    failed = JobPod("p", phase="Failed", finished=NOW - 3)
    step = sync(job(), JobStatus(), [failed], Backoff(), NOW)

    assert (step.create, step.again, step.backoff) == ((), 7, Backoff(1, NOW - 3))
    assert step.counted == {"p"}


@pytest.mark.parametrize(
    ("more", "given", "conditions", "failed_indexes", "creates"),
    [
        pytest.param({}, "1 failed@0", "", "", [0, 1], id="a first failure is tried again"),
        pytest.param({"backoffLimitPerIndex": 0}, "1 failed@0", "", "0", [1, 2], id="a failed index is not"),
        pytest.param(
            *({"backoffLimitPerIndex": 0}, "1 failed@0, 1 succeeded@1, 1 succeeded@2"),
            *("FailureTarget/FailedIndexes Failed/FailedIndexes", "0", []),
            id="all indexes are done, one of them failed",
        ),
        pytest.param(
            *({"backoffLimitPerIndex": 0, "maxFailedIndexes": 1}, "1 failed@0, 1 failed@1, 1 running@2"),
            *("FailureTarget/MaxFailedIndexesExceeded", "0,1", []),
            id="more have failed than may",
        ),
    ],
)
def test_backoff_limit_per_index(
    more: dict[str, Any], given: str, conditions: str, failed_indexes: str, creates: list[int]
) -> None:
    """kubernetes: pkg/controller/job/job_controller_test.go TestSyncJobWithJobBackoffLimitPerIndex."""
    one = job(**spec(2, 3, **({"backoffLimitPerIndex": 1} | INDEXED | more)))
    step = sync(one, JobStatus(), pods(given), Backoff(), NOW)

    assert " ".join(f"{c.type}/{c.reason}" for c in step.last.conditions) == conditions
    assert step.last.fields()["failedIndexes"] == failed_indexes
    assert list(step.create) == creates


def test_a_failed_pod_of_an_index_is_counted_once_its_replacement_runs() -> None:
    """kubernetes: pkg/controller/job/job_controller_test.go TestTrackJobStatusAndRemoveFinalizers; 05g."""
    one = job(**spec(1, 1, backoffLimitPerIndex=1, **INDEXED))
    first = JobPod("a", phase="Failed", finished=1, annotations={INDEX: "0", FAILURES: "0"})
    second = JobPod("b", annotations={INDEX: "0", FAILURES: "1"})

    assert sync(one, JobStatus(), [first], Backoff(), NOW).last.failed == 0
    assert sync(one, JobStatus(), [first, second], Backoff(), NOW).last.failed == 1


def test_a_success_policy_ends_the_others() -> None:
    """kubernetes: pkg/controller/job/job_controller_test.go TestSyncJobWithJobSuccessPolicy; 05k."""
    one = job(**spec(3, 3, successPolicy={"rules": [{"succeededIndexes": "0"}]}, **INDEXED))
    step = sync(one, JobStatus(), pods("1 succeeded@0, 1 running@1, 1 running@2"), Backoff(), NOW)

    assert [(c.type, c.message) for c in step.last.conditions] == [("SuccessCriteriaMet", "Matched rules at index 0")]
    assert (len(step.delete), step.last.terminating, step.last.finished) == (2, 2, None)
    after = sync(one, step.last, pods("1 terminating@1"), step.backoff, NOW)
    assert after.last.finished is None
    done = sync(one, after.last, [], after.backoff, NOW + 2)
    assert done.last.finished == Condition("Complete", True, "SuccessPolicy", "Matched rules at index 0", NOW + 2)
    assert (done.last.succeeded, done.last.completed) == (1, NOW + 2)


def test_a_pod_failure_policy_fails_the_job_at_once() -> None:
    """kubernetes: pkg/controller/job/job_controller_test.go TestSyncJobWithJobPodFailurePolicy; 05h."""
    rules = [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]
    failed = JobPod("p", "j-x", phase="Failed", exits={"c": 42})
    step = sync(job(podFailurePolicy={"rules": rules}), JobStatus(), [failed], Backoff(), NOW)

    text = "Container c for pod default/j-x failed with exit code 42 matching FailJob rule at index 0"
    assert step.last.finished == Condition("Failed", True, "PodFailurePolicy", text, NOW)
    assert step.last.failed == 1


def test_an_ignored_failure_is_not_counted_and_delays_all_the_same() -> None:
    """kubernetes: pkg/controller/job/job_controller_test.go TestSyncJobWithJobPodFailurePolicy; 05i."""
    rules = [{"action": "Ignore", "onExitCodes": {"operator": "In", "values": [42]}}]
    failed = JobPod("p", phase="Failed", exits={"c": 42}, finished=NOW)
    step = sync(job(backoffLimit=0, podFailurePolicy={"rules": rules}), JobStatus(), [failed], Backoff(), NOW)

    assert (step.last.failed, step.last.finished, step.again) == (0, None, 10)


def test_what_a_status_shows() -> None:
    status = JobStatus((Condition("Complete", True, *LIMIT, 9),), started=1, completed=9, succeeded=1)

    assert status.fields() == {
        "conditions": [
            {
                "type": "Complete",
                "status": "True",
                "reason": LIMIT[0],
                "message": LIMIT[1],
                "lastTransitionTime": 9,
            }
        ],
        "startTime": 1,
        "completionTime": 9,
        "succeeded": 1,
        "terminating": 0,
        "ready": 0,
    }
