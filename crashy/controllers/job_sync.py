"""One sync of a Job: what its controller does and writes, from its pods and its status as they are.

kubernetes: pkg/controller/job/job_controller.go syncJob, manageJob, trackJobStatusAndRemoveFinalizers
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import floor
from typing import Any

from crashy.controllers.job_pods import (
    Backoff,
    JobPod,
    backoff_of,
    index_failed,
    intervals,
    last_failures,
    match_failure,
    met_rule,
    pending_indexes,
)
from crashy.objects.job import Job

_REACHED = ("CompletionsReached", "Reached expected number of succeeded pods")
_LIMIT = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
_DEADLINE = ("DeadlineExceeded", "Job was active longer than specified deadline")
_MOST_FAILED = ("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes")
_FAILED_INDEXES = ("FailedIndexes", "Job has failed indexes")


@dataclass(frozen=True, slots=True)
class Condition:
    """A Job's condition; `since` is in whole Unix seconds."""

    type: str
    status: bool
    reason: str
    message: str
    since: float


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A Job's status, times in whole Unix seconds; `failed_indexes` is None where no limit per index is set."""

    conditions: tuple[Condition, ...] = ()
    started: float | None = None
    completed: float | None = None
    active: int = 0
    ready: int = 0
    succeeded: int = 0
    failed: int = 0
    terminating: int = 0
    succeeded_indexes: frozenset[int] = frozenset()
    failed_indexes: frozenset[int] | None = None

    def condition(self, *types: str) -> Condition | None:
        """Return the first condition of these types that is true."""
        return next((one for one in self.conditions if one.type in types and one.status), None)

    @property
    def finished(self) -> Condition | None:
        """Return the condition Complete or Failed; None before the end."""
        return self.condition("Complete", "Failed")

    def fields(self) -> dict[str, Any]:
        """Return the API's fields that are not empty, times in Unix seconds."""
        shown = [
            {
                "type": one.type,
                "status": str(one.status),
                "reason": one.reason,
                "message": one.message,
                "lastTransitionTime": one.since,
            }
            for one in self.conditions
        ]
        counts = {"active": self.active, "succeeded": self.succeeded, "failed": self.failed}
        times = {"startTime": self.started, "completionTime": self.completed}
        found: dict[str, Any] = {"conditions": shown} if shown else {}
        found |= {key: time for key, time in times.items() if time is not None}
        found |= {key: count for key, count in counts.items() if count}
        if self.succeeded_indexes:
            found["completedIndexes"] = intervals(self.succeeded_indexes)
        if self.failed_indexes is not None:
            found["failedIndexes"] = intervals(self.failed_indexes)
        return found | {"terminating": self.terminating, "ready": self.ready}


@dataclass(frozen=True, slots=True)
class Step:
    """What a sync does: `delete` and `create` pods (by index, None in a Job without), write `first`, then `last`.

    Between the two it lets the pods in `counted` go. It comes `again` after so many seconds, and `last` has finished
    the Job if `ended`.
    """

    first: JobStatus
    last: JobStatus
    backoff: Backoff
    delete: tuple[JobPod, ...] = ()
    create: tuple[int | None, ...] = ()
    counted: frozenset[str] = frozenset()
    again: float | None = None
    turned: Condition | None = None
    """Suspended, where it has changed."""


class _Sync:
    def __init__(self, job: Job, status: JobStatus, pods: Sequence[JobPod], backoff: Backoff, now: float) -> None:
        self.job, self.now = job, now
        self.pods = sorted(pods, key=lambda pod: pod.index) if job.indexed else pods
        self.active = [pod for pod in self.pods if pod.active]
        self.uncounted = [pod for pod in self.pods if not pod.counted]
        self.new_succeeded = [pod for pod in self.uncounted if pod.phase == "Succeeded"]
        self.new_failed = [pod for pod in self.uncounted if pod.failed(job)]
        self.terminating = sum(pod.terminating for pod in pods)
        if status.started is None and not job.suspend:
            status = replace(status, started=floor(now))
        self.status = status
        self.backoff = backoff.after(self.new_succeeded, self.new_failed)
        ended = {*status.succeeded_indexes, *(pod.index for pod in self.new_succeeded if self._valid(pod))}
        self.succeeded_indexes = frozenset(index for index in ended if 0 <= index < (job.completions or 0))
        self.per_index = job.indexed and job.limit_per_index is not None
        failed = self.uncounted if self.per_index else ()
        new_failed = {p.index for p in failed if self._valid(p) and index_failed(job, p)}
        self.failed_indexes = (status.failed_indexes or frozenset()) | new_failed
        done = {*self.succeeded_indexes, *self.failed_indexes, *(pod.index for pod in self.active)}
        self.delayed = last_failures(job, pods, done) if self.per_index else {}
        self.again: float | None = None

    def _valid(self, pod: JobPod) -> bool:
        """Return whether a pod has an index of the Job, if the Job has indexes."""
        return not self.job.indexed or 0 <= pod.index < (self.job.completions or 0)

    @property
    def succeeded(self) -> int:
        if self.job.indexed:
            return len(self.succeeded_indexes)
        return self.status.succeeded + len(self.new_succeeded)

    def wait(self, seconds: float) -> None:
        self.again = seconds if self.again is None else min(self.again, seconds)

    def condition(self, kind: str, words: tuple[str, str], *, status: bool = True) -> Condition:
        return Condition(kind, status, *words, floor(self.now))

    # --- is it over?

    def verdict(self) -> Condition | None:
        """Return SuccessCriteriaMet or FailureTarget if the Job is to end; it may be one of an earlier sync."""
        if known := self.status.condition("SuccessCriteriaMet", "FailureTarget"):
            return known
        matches = (match_failure(self.job, pod) for pod in self.pods if pod.failed(self.job))
        if message := next((match.message for match in matches if match.message), ""):
            return self.condition("FailureTarget", ("PodFailurePolicy", message))
        failed = self.status.failed + sum(match_failure(self.job, pod).counts for pod in self.new_failed)
        if failed > self.job.backoff_limit or self._restarted_too_often():
            return self.condition("FailureTarget", _LIMIT)
        if self._past_deadline():
            return self.condition("FailureTarget", _DEADLINE)
        if self.per_index and (words := self._too_many_indexes()):
            return self.condition("FailureTarget", words)
        if self.job.indexed and (met := met_rule(self.job.success_policy, self.succeeded_indexes)):
            return self.condition("SuccessCriteriaMet", ("SuccessPolicy", met))
        return None

    def _restarted_too_often(self) -> bool:
        if self.job.template.restart_policy != "OnFailure":
            return False
        restarts = sum(pod.restarts for pod in self.pods if pod.phase in {"Pending", "Running"})
        return restarts >= max(1, self.job.backoff_limit)

    def _past_deadline(self) -> bool:
        deadline, started = self.job.active_deadline_seconds, self.status.started
        if deadline is None or started is None or self.job.suspend:
            return False
        left = deadline - (self.now - started)
        if left > 0:
            self.wait(left)
        return left <= 0

    def _too_many_indexes(self) -> tuple[str, str] | None:
        failed, most = len(self.failed_indexes), self.job.max_failed_indexes
        if most is not None and failed > most:
            return _MOST_FAILED
        over = failed and failed + len(self.succeeded_indexes) >= (self.job.completions or 0)
        return _FAILED_INDEXES if over else None

    # --- how many pods?

    def wanted(self) -> int:
        """Return the desired number of active pods."""
        if self.job.completions is None:
            return len(self.active) if self.succeeded else self.job.replicas
        return max(0, min(self.job.replicas, self.job.completions - self.succeeded))

    def surplus(self) -> tuple[JobPod, ...]:
        """Return the surplus pods: those without a valid index, then those that are not ready."""
        too_many = len(self.active) if self.job.suspend else len(self.active) - self.wanted()
        order = sorted(self.active, key=lambda pod: (self._valid(pod), pod.phase == "Running", pod.ready))
        strays = sum(not self._valid(pod) for pod in order)
        return tuple(order[: max(0, too_many, strays)])

    def missing(self) -> tuple[int | None, ...]:
        """Return the indexes of the pods to create now (None without indexes), and wait for those in back-off."""
        waited_for = 0 if self.job.replaces_terminating else self.terminating
        count = self.wanted() - waited_for - len(self.active)
        if count <= 0 or self.job.suspend:
            return ()
        if not self.per_index and (left := self.backoff.remaining(self.now)):
            self.wait(left)
            return ()
        if not self.job.indexed:
            return (None,) * count
        busy = {*self.succeeded_indexes, *self.failed_indexes, *(pod.index for pod in self.active)}
        if not self.job.replaces_terminating:
            busy |= {pod.index for pod in self.pods if pod.terminating}
        indexes = pending_indexes(self.job.completions or 0, busy, count)
        delays = {index: backoff_of(self.delayed.get(index)).remaining(self.now) for index in indexes}
        ready = tuple(index for index in indexes if not delays[index])
        if not ready and delays:
            self.wait(min(delays.values()))
        return ready

    # --- what is written

    def step(self) -> Step:
        verdict = self.verdict()
        delete: tuple[JobPod, ...] = ()
        create: tuple[int | None, ...] = ()
        turned = None
        if verdict:
            delete = tuple(self.active)
        elif delete := self.surplus():
            pass
        else:
            create = self.missing()
        active = len(self.active) - len(delete) + len(create)
        if not verdict:
            enough = self.succeeded >= (1 if self.job.completions is None else self.job.completions)
            if enough and not active:
                verdict = self.condition("SuccessCriteriaMet", _REACHED)
            else:
                turned = self._turned()
        terminating = self.terminating + len(delete)
        ready = sum(pod.ready for pod in self.active) - sum(pod.ready for pod in delete)
        status = replace(self.status, active=active, ready=ready, terminating=terminating)
        if turned:
            others = (one for one in status.conditions if one.type != "Suspended")
            started = None if turned.status else floor(self.now)
            status = replace(status, conditions=(turned, *others), started=started)
        return self._tracked(status, verdict, delete, create, turned)

    def _turned(self) -> Condition | None:
        known = next((one for one in self.status.conditions if one.type == "Suspended"), None)
        if self.job.suspend == (known is not None and known.status):
            return None
        words = ("JobSuspended", "Job suspended") if self.job.suspend else ("JobResumed", "Job resumed")
        return self.condition("Suspended", words, status=self.job.suspend)

    def _tracked(
        self,
        status: JobStatus,
        verdict: Condition | None,
        delete: tuple[JobPod, ...],
        create: tuple[int | None, ...],
        turned: Condition | None,
    ) -> Step:
        failing = verdict is not None and verdict.type == "FailureTarget"
        held = {pod.uid for pod in self.delayed.values()} if verdict is None else set()
        let_go = {pod.uid for pod in delete} if verdict is None else {pod.uid for pod in self.uncounted}
        failed: list[JobPod] = []
        succeeded: list[JobPod] = []
        counted = set(let_go)
        for pod in self.uncounted:
            if not self._valid(pod):
                pass
            elif pod.phase == "Succeeded":
                succeeded.append(pod)
            elif (pod.failed(self.job) and pod.uid not in held) or failing:
                if match_failure(self.job, pod).counts:
                    failed.append(pod)
            else:
                continue
            counted.add(pod.uid)
        if self.job.indexed:
            status = replace(status, succeeded_indexes=self.succeeded_indexes, succeeded=len(self.succeeded_indexes))
        if self.per_index:
            status = replace(status, failed_indexes=frozenset(self.failed_indexes))
        if verdict and verdict not in status.conditions:
            status = replace(status, conditions=(*status.conditions, verdict))
        last = replace(status, failed=status.failed + len(failed))
        if not self.job.indexed:
            last = replace(last, succeeded=last.succeeded + len(succeeded))
        if verdict and not status.terminating:
            last = self._ended(last, verdict)
        backoff = self.backoff
        return Step(status, last, backoff, delete, create, frozenset(counted), self.again, turned)

    def _ended(self, status: JobStatus, verdict: Condition) -> JobStatus:
        final = self.condition(
            "Complete" if verdict.type == "SuccessCriteriaMet" else "Failed", (verdict.reason, verdict.message)
        )
        completed = final.since if final.type == "Complete" else None
        return replace(status, conditions=(*status.conditions, final), completed=completed)


def sync(job: Job, status: JobStatus, pods: Iterable[JobPod], backoff: Backoff, now: float) -> Step:
    """Decide on one sync of a Job that has not finished; `now` is in Unix seconds."""
    return _Sync(job, status, list(pods), backoff, now).step()
