"""A Job's pods: what of upstream's tests of `pkg/controller/job` applies, a row each, named after its case there."""

from __future__ import annotations

from typing import Any

import pytest

from crashy.controllers.job_pods import (
    FAILURES,
    IGNORED,
    INDEX,
    Backoff,
    JobPod,
    backoff_of,
    index_failed,
    intervals,
    last_failures,
    match_failure,
    met_rule,
    pending_indexes,
    pods_begin,
    replacement_annotations,
)
from crashy.objects.job_policies import FailureRule, SuccessRule, parse_indexes
from tests.controllers.jobs import job


def ended(*times: float, phase: str) -> list[JobPod]:
    return [JobPod(f"{phase}-{number}", phase=phase, finished=time) for number, time in enumerate(times)]


@pytest.mark.parametrize(
    ("before", "succeeded", "failed", "after"),
    [
        pytest.param(Backoff(), [], [9], Backoff(1, 9), id="Empty backoff store and one new failure"),
        pytest.param(Backoff(), [], [9, 8], Backoff(2, 9), id="Empty backoff store and two new failures"),
        pytest.param(Backoff(), [9], [7, 8], Backoff(), id="Empty backoff store, two failures followed by success"),
        pytest.param(
            *(Backoff(), [7], [9, 5, 6, 8], Backoff(2, 9)),
            id="Empty backoff store, two failures, one success and two more failures",
        ),
        pytest.param(
            Backoff(2, None), [], [9], Backoff(3, 9), id="Backoff store having failure count 2 and one new failure"
        ),
        pytest.param(
            Backoff(), [9], [9], Backoff(), id="Empty backoff store with success and failure at same timestamp"
        ),
        pytest.param(Backoff(), [], [], Backoff(), id="Empty backoff store with no success/failure"),
        pytest.param(Backoff(), [9], [], Backoff(), id="Empty backoff store with one success"),
    ],
)
def test_new_backoff_record(before: Backoff, succeeded: list[float], failed: list[float], after: Backoff) -> None:
    """kubernetes: pkg/controller/job/backoff_utils_test.go TestNewBackoffRecord."""
    assert before.after(ended(*succeeded, phase="Succeeded"), ended(*failed, phase="Failed")) == after


@pytest.mark.parametrize(
    ("failures", "since", "left"),
    [
        pytest.param(0, 0, 0, id="no failures"),
        pytest.param(1, 0, 5, id="one failure; current time and failure time are same"),
        pytest.param(1, 1, 4, id="one failure; current time == 1 second + failure time"),
        pytest.param(1, 5, 0, id="one failure; current time == expected backoff time"),
        pytest.param(1, 6, 0, id="one failure; current time == expected backoff time + 1 Second"),
        pytest.param(3, 0, 20, id="three failures; current time and failure time are same"),
        pytest.param(8, 0, 640, id="eight failures; backoff not exceeding maxBackoff"),
        pytest.param(9, 0, 700, id="nine failures; backoff exceeding maxBackoff"),
        pytest.param(10_000, 0, 700, id="as many failures as a float can't have"),
    ],
)
def test_remaining_backoff_time(failures: int, since: float, left: float) -> None:
    """kubernetes: pkg/controller/job/backoff_utils_test.go TestGetRemainingBackoffTime, by its 5 s and 700 s."""
    assert Backoff(failures, 100 if failures else None).remaining(100 + since, first=5, most=700) == left


def test_the_delays_are_10_20_40_seconds_and_600_at_the_most() -> None:
    assert [Backoff(n, 0).remaining(0) for n in (1, 2, 3, 4, 6, 7, 8)] == [10, 20, 40, 80, 320, 600, 600]


def test_the_backoff_of_an_index_counts_the_failures_before_it() -> None:
    """kubernetes: pkg/controller/job/backoff_utils_test.go TestGetRemainingBackoffTimePerIndex."""
    two = JobPod("p", phase="Failed", finished=100, annotations={FAILURES: "2", IGNORED: "1"})

    assert backoff_of(None).remaining(100) == 0
    assert backoff_of(two) == Backoff(4, 100)
    assert backoff_of(two).remaining(100) == 80


def on_codes(action: str, operator: str, *codes: int, name: str | None = None) -> dict[str, Any]:
    named = {} if name is None else {"containerName": name}
    return {"action": action, "onExitCodes": {"operator": operator, "values": [*codes], **named}}


def on_condition(action: str, status: str = "True", kind: str = "DisruptionTarget") -> dict[str, Any]:
    return {"action": action, "onPodConditions": [{"type": kind, "status": status}]}


FAILED = "Container c for pod default/mypod failed with exit code {} matching FailJob rule at index {}"
DISRUPTED = "Pod default/mypod has condition DisruptionTarget matching FailJob rule at index 0"


@pytest.mark.parametrize(
    ("rules", "exits", "conditions", "action", "message"),
    [
        pytest.param([], {"c": 2}, {}, "", "", id="no policy rules"),
        pytest.param([on_codes("Ignore", "In", 1, 2, 3)], {"c": 2}, {}, "Ignore", "", id="ignore rule for exit codes"),
        pytest.param(
            *([on_codes("FailJob", "In", 1, 2, 3)], {"c": 2}, {}, "FailJob", FAILED.format(2, 0)),
            id="FailJob rule matched for exit codes",
        ),
        pytest.param(
            *([on_codes("FailJob", "NotIn", 111)], {"c": 111, "support": 0, "init": 0}, {}, "", ""),
            id="successful containers are skipped by the rules",
        ),
        pytest.param(
            *([on_codes("FailIndex", "In", 1, 2, 3)], {"c": 2}, {}, "FailIndex", ""),
            id="FailIndex rule matched for exit codes",
        ),
        pytest.param(
            *([on_codes("FailJob", "NotIn", 0)], {"c": 1, "support": 0}, {}, "FailJob", FAILED.format(1, 0)),
            id="pod failure policy with NotIn operator and value 0",
        ),
        pytest.param(
            [on_codes("Count", "In", 1, 2, 3), on_codes("FailJob", "In", 4, 5, 6)],
            *({"c": 6}, {}, "FailJob", FAILED.format(6, 1)),
            id="second jobfail rule matched for exit codes",
        ),
        pytest.param(
            *([on_codes("Count", "In", 1, 2, 3)], {"foo": None, "c": 2}, {}, "Count", ""),
            id="count rule matched for exit codes",
        ),
        pytest.param(
            *([on_codes("FailJob", "In", 2, name="support")], {"c": 2, "support": 5}, {}, "", ""),
            id="exit code of another container",
        ),
        pytest.param(
            *([on_condition("FailIndex")], {}, {"DisruptionTarget": "True"}, "FailIndex", ""),
            id="FailIndex rule matched for pod conditions",
        ),
        pytest.param(
            *([on_condition("Ignore")], {}, {"DisruptionTarget": "True"}, "Ignore", ""),
            id="ignore rule matched for pod conditions",
        ),
        pytest.param(
            *([on_condition("Ignore", "False")], {}, {"DisruptionTarget": "False"}, "Ignore", ""),
            id="ignore rule matches by the status=False",
        ),
        pytest.param(
            *([on_condition("Ignore", "Unknown")], {}, {"DisruptionTarget": "Unknown"}, "Ignore", ""),
            id="ignore rule matches by the status=Unknown",
        ),
        pytest.param(
            *([on_condition("Ignore", "False")], {}, {"DisruptionTarget": "True"}, "", ""),
            id="ignore rule does not match when status for pattern is False, but actual True",
        ),
        pytest.param(
            *([on_condition("FailJob")], {}, {"DisruptionTarget": "True"}, "FailJob", DISRUPTED),
            id="fail job rule matches by the condition",
        ),
        pytest.param(
            [on_codes("Count", "In", 2), on_condition("Ignore")],
            *({"c": 1}, {"DisruptionTarget": "True"}, "Ignore", ""),
            id="the second rule, where the first says nothing",
        ),
    ],
)
def test_pod_failure_policy(
    rules: list[dict[str, Any]],
    exits: dict[str, int | None],
    conditions: dict[str, str],
    action: str,
    message: str,
) -> None:
    """kubernetes: pkg/controller/job/pod_failure_policy_test.go TestMatchPodFailurePolicy."""
    per_index = {"backoffLimitPerIndex": 1, "completionMode": "Indexed", "completions": 3}
    containers = [{"name": name, "image": "crashy-app"} for name in ("c", "support")]
    template = {"spec": {"restartPolicy": "Never", "containers": containers}}
    one = job(podFailurePolicy={"rules": rules}, template=template, **per_index)
    match = match_failure(one, JobPod("u", "mypod", phase="Failed", exits=exits, conditions=conditions))

    assert (match.action, match.message, match.counts) == (action, message, action != "Ignore")


def indexes(text: str) -> frozenset[int]:
    return frozenset(parse_indexes(text, 100))


def rule(wanted: str | None = None, count: int | None = None) -> SuccessRule:
    return SuccessRule(None if wanted is None else indexes(wanted), count)


@pytest.mark.parametrize(
    ("rules", "succeeded", "met"),
    [
        pytest.param([], "0", None, id="any rules are nothing"),
        pytest.param([rule("0-2")], "0-2,4-7", 0, id="succeededIndexes matched rules"),
        pytest.param([rule("3")], "0-2", None, id="succeededIndexes didn't match rules"),
        pytest.param([rule(count=2)], "0-2", 0, id="succeededCount matched"),
        pytest.param([rule(count=4)], "0-2", None, id="succeededCount didn't match"),
        pytest.param([rule("9"), rule("4,6")], "0-2,4-7", 1, id="met one of rules"),
        pytest.param([rule("0,1"), rule("5")], "0-2,4-7", 0, id="met all rules"),
        pytest.param([rule("3-6", 2)], "0-2,4-7", 0, id="indexes and count: met"),
        pytest.param([rule("3-6", 2)], "0-2,6-7", None, id="indexes and count: didn't match"),
        pytest.param([rule(count=4)], "", None, id="succeededIndexes are nothing"),
        pytest.param([rule("2-4,6-8")], "1-5,6-9", 0, id="rules is proper subset of succeededIndexes"),
        pytest.param([rule("2-4,6-9")], "2-4,6-9", 0, id="rules equals succeededIndexes"),
        pytest.param([rule("")], "1-3", None, id="rules is an empty set"),
        pytest.param([rule("")], "", None, id="rules and succeededIndexes are empty set"),
        pytest.param([rule("10-12,14-16")], "1-3,5-7", None, id="no element is included"),
        pytest.param([rule("1-3,5-7")], "2-4,6-8", None, id="rules overlaps succeededIndexes at first"),
        pytest.param([rule("1-3,5-7", 4)], "2-4,6-8", 0, id="count; rules overlaps succeededIndexes at first"),
        pytest.param([rule("0-4,6-9")], "1-3,7-8", None, id="rules completely overlaps succeededIndexes"),
        pytest.param([rule("0-4,6-9", 5)], "1-3,7-8", 0, id="count; rules completely overlaps succeededIndexes"),
    ],
)
def test_success_policy(rules: list[SuccessRule], succeeded: str, met: int | None) -> None:
    """kubernetes: pkg/controller/job/success_policy_test.go TestMatchSuccessPolicy."""
    assert met_rule(rules, indexes(succeeded)) == ("" if met is None else f"Matched rules at index {met}")


@pytest.mark.parametrize(
    ("count", "completions", "busy", "wanted"),
    [
        pytest.param(5, 3, [], [0, 1, 2], id="cnt greater than completions"),
        pytest.param(2, 5, [], [0, 1], id="cnt less than completions"),
        pytest.param(3, 10, [0, 1], [2, 3, 4], id="first pods active"),
        pytest.param(6, 6, [6, 4, 5], [0, 1, 2, 3], id="last pods active or succeeded"),
        pytest.param(5, 20, [3, 5, 8, -1, -3, 2, 3, 4, 9], [0, 1, 6, 7, 10], id="mixed"),
        pytest.param(-1, 3, [], [], id="none"),
    ],
)
def test_first_pending_indexes(count: int, completions: int, busy: list[int], wanted: list[int]) -> None:
    """kubernetes: pkg/controller/job/indexed_job_utils_test.go TestFirstPendingIndexes."""
    assert pending_indexes(completions, busy, count) == wanted


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        pytest.param("indexed-job", "indexed-job-1-", id="short job name"),
        pytest.param("hhhhhooooo" * 7, "hhhhhooooo" * 5 + "hhhhh-1-", id="job name exceeds MaxGeneneratedNameLength"),
        pytest.param(
            *("hhhhhooooo" * 5 + "hhhhhoo", "hhhhhooooo" * 5 + "hhhhh-1-"),
            id="job name with index suffix exceeds MaxGeneratedNameLength",
        ),
    ],
)
def test_pod_generate_name_with_index(name: str, begins: str) -> None:
    """kubernetes: pkg/controller/job/indexed_job_utils_test.go TestPodGenerateNameWithIndex."""
    assert pods_begin(name, 1) == begins


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        pytest.param([], "", id="empty"),
        pytest.param([4], "4", id="one index"),
        pytest.param([5, 10], "5,10", id="two separate"),
        pytest.param([7, 2, 3, 6, 5], "2,3,5-7", id="two intervals"),
        pytest.param([0, 2, 3, 4, 5], "0,2-5", id="one index and one interval"),
    ],
)
def test_indexes_are_written_as_intervals(numbers: list[int], text: str) -> None:
    """kubernetes: pkg/controller/job/indexed_job_utils_test.go TestCalculateSucceededIndexes."""
    assert intervals(numbers) == text
    assert sorted(numbers) == parse_indexes(text, 11)


def indexed_pod(index: int, failures: int = 0, **fields: Any) -> JobPod:
    return JobPod(
        f"{index}-{failures}", phase="Failed", annotations={INDEX: f"{index}", FAILURES: f"{failures}"}, **fields
    )


def per_index(**spec: Any) -> dict[str, Any]:
    return {"completionMode": "Indexed", "completions": 5, "backoffLimitPerIndex": 1} | spec


@pytest.mark.parametrize(
    ("spec", "pod", "failed"),
    [
        pytest.param({}, indexed_pod(0), False, id="the first failure of two that are allowed"),
        pytest.param({}, indexed_pod(0, 1), True, id="one that exceeds the limit"),
        pytest.param({"backoffLimitPerIndex": 0}, indexed_pod(0), True, id="none is allowed"),
        pytest.param({}, JobPod("r", phase="Running", annotations={INDEX: "0", FAILURES: "1"}), False, id="it runs"),
        pytest.param(
            {"podFailurePolicy": {"rules": [on_codes("FailIndex", "In", 3)]}},
            *(indexed_pod(0, exits={"c": 3}), True),
            id="FailIndex says so",
        ),
        pytest.param(
            {"podFailurePolicy": {"rules": [on_codes("Ignore", "In", 3)]}},
            *(indexed_pod(0, 1, exits={"c": 3}), False),
            id="Ignore says not to count it",
        ),
    ],
)
def test_an_index_has_failed(spec: dict[str, Any], pod: JobPod, failed: bool) -> None:
    """kubernetes: pkg/controller/job/indexed_job_utils_test.go TestIsIndexFailed."""
    assert index_failed(job(**per_index(**spec)), pod) is failed


def test_the_last_failed_pod_of_an_index_is_not_counted_before_the_next_one_is_there() -> None:
    """kubernetes: pkg/controller/job/indexed_job_utils_test.go TestGetPodsWithDelayedDeletionPerIndex."""
    pods = [indexed_pod(0), indexed_pod(1), indexed_pod(1, 1), indexed_pod(2, counted=True), indexed_pod(3)]
    pods.append(JobPod("none", phase="Failed"))

    assert last_failures(job(**per_index()), pods, done={3}) == {0: pods[0], 1: pods[2]}


@pytest.mark.parametrize(
    ("spec", "last", "marks"),
    [
        pytest.param({}, None, {INDEX: "2", FAILURES: "0"}, id="first pod created for index"),
        pytest.param({}, indexed_pod(2, 1), {INDEX: "2", FAILURES: "2"}, id="increment by one"),
        pytest.param(
            {"podFailurePolicy": {"rules": [on_codes("Ignore", "In", 3)]}},
            indexed_pod(2, 1, exits={"c": 3}),
            {INDEX: "2", FAILURES: "1", IGNORED: "1"},
            id="an ignored failure",
        ),
    ],
)
def test_a_replacements_annotations(spec: dict[str, Any], last: JobPod | None, marks: dict[str, str]) -> None:
    """kubernetes: pkg/controller/job/indexed_job_utils_test.go TestGetNewIndexFailureCounts."""
    assert replacement_annotations(job(**per_index(**spec)), 2, last) == marks


def test_without_a_limit_per_index_a_pod_has_its_index_alone() -> None:
    assert replacement_annotations(job(completionMode="Indexed", completions=3), 2, None) == {INDEX: "2"}


@pytest.mark.parametrize(
    ("policy", "phase", "deleting", "failed"),
    [
        pytest.param("Failed", "Running", True, False, id="waited for"),
        pytest.param("TerminatingOrFailed", "Running", True, True, id="terminating"),
        pytest.param("TerminatingOrFailed", "Succeeded", True, False, id="succeeded while terminating"),
        pytest.param("TerminatingOrFailed", "Running", False, False, id="running"),
        pytest.param("Failed", "Failed", True, True, id="failed"),
    ],
)
def test_a_pod_has_failed(policy: str, phase: str, deleting: bool, failed: bool) -> None:
    """kubernetes: pkg/controller/job/job_controller.go isPodFailed."""
    assert JobPod("p", phase=phase, deleting=deleting).failed(job(podReplacementPolicy=policy)) is failed


def test_a_failure_rule_of_a_valid_manifest_is_read_whole() -> None:
    one = job(podFailurePolicy={"rules": [on_codes("FailJob", "In", 1, 2, name="c"), on_condition("Ignore")]})

    assert one.failure_policy == (
        FailureRule("FailJob", "c", "In", (1, 2)),
        FailureRule("Ignore", conditions=(("DisruptionTarget", "True"),)),
    )
