"""A Job's pods: which have failed, what the policies make of it, and how long the next one waits.

kubernetes: pkg/controller/job/{backoff_utils,pod_failure_policy,success_policy,indexed_job_utils,job_controller}.go
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from crashy.objects.job import Job
from crashy.objects.job_policies import FailureRule, SuccessRule

INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED = "batch.kubernetes.io/job-index-ignored-failure-count"
_FIRST_BACKOFF, _MOST_BACKOFF = 10.0, 600.0
_LONGEST_BASE = 63 - 5


@dataclass(frozen=True, slots=True)
class JobPod:
    """A pod of a Job; times are whole Unix seconds. `exits`: its containers' exit codes, None while one runs.

    `counted`: the controller has taken it into the Job's status, or let it go without (its finalizer is removed).
    """

    uid: str
    name: str = ""
    namespace: str = "default"
    phase: str = "Running"
    deleting: bool = False
    ready: bool = False
    restarts: int = 0
    finished: float = 0.0
    exits: Mapping[str, int | None] = field(default_factory=dict)
    conditions: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    counted: bool = False

    @property
    def active(self) -> bool:
        """Return whether it has neither ended nor is being deleted."""
        return self.phase not in {"Succeeded", "Failed"} and not self.deleting

    @property
    def terminating(self) -> bool:
        """Return whether it is being deleted and has not ended."""
        return self.phase not in {"Succeeded", "Failed"} and self.deleting

    @property
    def index(self) -> int:
        """Return its completion index; -1 for one of a Job without."""
        return int(self.annotations.get(INDEX, -1))

    @property
    def failures(self) -> int:
        """Return how many pods of its index failed before it, those not counted by a rule included."""
        return sum(int(self.annotations.get(key, 0)) for key in (FAILURES, IGNORED))

    def failed(self, job: Job) -> bool:
        """Return whether the Job counts it as failed; if terminating pods are replaced at once, these count too."""
        if self.phase == "Failed":
            return True
        return job.replaces_terminating and self.deleting and self.phase != "Succeeded"


class Match(NamedTuple):
    """A failure policy's `action` for a failed pod ("" if no rule matches), and for FailJob its message."""

    action: str = ""
    message: str = ""

    @property
    def counts(self) -> bool:
        """Return whether it counts as a failure."""
        return self.action != "Ignore"


def match_failure(job: Job, pod: JobPod) -> Match:
    """Return the match of the first rule of the failure policy that matches a failed pod."""
    for number, rule in enumerate(job.failure_policy):
        if rule.operator:
            found = _exited(rule, pod)
            if not found:
                continue
            name, code = found
            message = f"Container {name} for pod {pod.namespace}/{pod.name} failed with exit code {code}"
        else:
            given = ((kind, status) for kind, status in rule.conditions if pod.conditions.get(kind) == status)
            condition = next(given, None)
            if condition is None:
                continue
            message = f"Pod {pod.namespace}/{pod.name} has condition {condition[0]}"
        failing = f"{message} matching FailJob rule at index {number}"
        return Match(rule.action, failing if rule.action == "FailJob" else "")
    return Match()


def _exited(rule: FailureRule, pod: JobPod) -> tuple[str, int] | None:
    for name, code in pod.exits.items():
        if code and rule.container in {"", name} and (code in rule.codes) == (rule.operator == "In"):
            return name, code
    return None


@dataclass(frozen=True, slots=True)
class Backoff:
    """How many pods have failed since the last success, and when the last of them ended."""

    failures: int = 0
    last_failure: float | None = None

    def after(self, succeeded: Collection[JobPod], failed: Collection[JobPod]) -> Backoff:
        """Return the back-off after more pods have ended."""
        ends = sorted(pod.finished for pod in failed)
        if not succeeded:
            return Backoff(self.failures + len(ends), ends[-1]) if ends else self
        success = max(pod.finished for pod in succeeded)
        since = [end for end in ends if end > success]
        return Backoff(len(since), since[-1] if since else None)

    def remaining(self, now: float, first: float = _FIRST_BACKOFF, most: float = _MOST_BACKOFF) -> float:
        """Return how many seconds the next pod has to wait."""
        if not self.failures or self.last_failure is None:
            return 0.0
        delay = first if self.failures == 1 else min(most, first * 2.0 ** min(self.failures - 1, 60))
        return max(0.0, delay - (now - self.last_failure))


def backoff_of(last: JobPod | None) -> Backoff:
    """Return the back-off of an index, from the last failed pod of it."""
    return Backoff() if last is None else Backoff(last.failures + 1, last.finished)


def met_rule(rules: Sequence[SuccessRule], succeeded: Collection[int]) -> str:
    """Return the message of the first rule of the success policy that is met; empty if none is."""
    for number, rule in enumerate(rules) if succeeded else ():
        among = set(succeeded) if rule.indexes is None else rule.indexes & set(succeeded)
        whole = bool(rule.indexes) and len(among) == len(rule.indexes or ())
        enough = rule.count is not None and len(among) >= rule.count and rule.indexes != frozenset()
        if whole or enough:
            return f"Matched rules at index {number}"
    return ""


def index_failed(job: Job, pod: JobPod) -> bool:
    """Return whether the index of a pod has failed with it."""
    if not pod.failed(job):
        return False
    match = match_failure(job, pod)
    failures = int(pod.annotations.get(FAILURES, 0))
    return match.action == "FailIndex" or (match.counts and failures >= (job.limit_per_index or 0))


def last_failures(job: Job, pods: Iterable[JobPod], done: Collection[int]) -> dict[int, JobPod]:
    """Return each index's last failed pod that is not counted until its successor exists; `done` indexes need none."""
    found: dict[int, JobPod] = {}
    for pod in pods:
        if pod.counted or pod.index in done or pod.index < 0 or not pod.failed(job):
            continue
        last = found.get(pod.index)
        if last is None or (last.failures <= pod.failures and last.finished <= pod.finished):
            found[pod.index] = pod
    return found


def pending_indexes(completions: int, busy: Collection[int], count: int) -> list[int]:
    """Return the first `count` indexes that are not among the `busy` ones."""
    return list(islice((index for index in range(completions) if index not in busy), max(0, count)))


def replacement_annotations(job: Job, index: int, last: JobPod | None) -> dict[str, str]:
    """Return the annotations of the next pod of an index."""
    marks = {INDEX: str(index)}
    if job.limit_per_index is None:
        return marks
    failed = ignored = 0
    if last is not None:
        counts = match_failure(job, last).counts
        failed = int(last.annotations.get(FAILURES, 0)) + counts
        ignored = int(last.annotations.get(IGNORED, 0)) + (not counts)
    return marks | {FAILURES: str(failed)} | ({IGNORED: str(ignored)} if ignored else {})


def pods_begin(name: str, index: int | None) -> str:
    """Return the beginning of the name of a Job's pod.

    >>> pods_begin("j", None), pods_begin("j", 12)
    ('j-', 'j-12-')
    """
    if index is None:
        return f"{name}-"
    mark = f"-{index}-"
    return name[: _LONGEST_BASE - len(mark)] + mark


def intervals(indexes: Iterable[int]) -> str:
    """Write indexes as a Job's status has them.

    >>> intervals([1, 2, 4, 5, 6, 9])
    '1,2,4-6,9'
    """
    return ",".join(_runs(sorted(indexes)))


def _runs(indexes: Sequence[int]) -> Iterator[str]:
    start = 0
    for end in range(1, len(indexes) + 1):
        if end < len(indexes) and indexes[end] == indexes[end - 1] + 1:
            continue
        first, last = indexes[start], indexes[end - 1]
        yield str(first) if first == last else f"{first}{',' if last == first + 1 else '-'}{last}"
        start = end
