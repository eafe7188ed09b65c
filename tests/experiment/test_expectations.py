"""Expectations against results, as a table."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from crashy.experiment.expectations import Run, Verdict, expectations, judge, read_expectations
from crashy.experiment.expectations.events import first_missing
from crashy.experiment.expectations.outcome import outcomes
from crashy.experiment.fields import Fields
from crashy.experiment.model import Comparison, EventPattern
from crashy.manifest.parse import parse_values
from crashy.objects.document import Document
from crashy.report.results import summarize
from crashy.timeline import Event
from tests.report.test_results import FREEZE, fault, kube, pod, request

SICK = [pod(1, ready=True), request(2), fault(5, "crash mode=errors"), request(6, ok=False), request(7, ok=False)]


def verdicts(events: list[Event], /, **expect: Any) -> list[Verdict]:
    fields = Fields(Document("e.yaml", 1, 1, {"expect": expect}))
    read = read_expectations(fields, expect)
    assert fields.lines() == []
    return judge(read, Run(summarize(events), events))


@pytest.mark.parametrize(
    ("expect", "seen", "passed"),
    [
        ({"availability": ">= 0.5"}, "0.5000", True),
        ({"availability": ">= 0.51"}, "0.5000", False),
        ({"max_outage": "<= 1.5s"}, "1.50s", True),
        ({"max_outage": "<= 1s"}, "1.50s", False),
        ({"errors": "== 2"}, "2", True),
        ({"requests_after_leaving": "== 0"}, "0", True),
        ({"back_off": "> 0"}, "0s", False),
        ({"restarts": {"web-1": "== 1"}}, "1", True),
        ({"restarts": {"total": "!= 1"}}, "1", False),
        ({"restarts": {"api": ">= 0"}}, "no such pod", False),
        ({"detected_within": "1s"}, "1.00s", True),
        ({"detected_within": 0.9}, "1.00s", False),
        ({"recovered_within": "4.5s"}, "4.50s", True),
        ({"outcome": "recovers"}, "never-recovers", False),
        ({"events": ["Unhealthy", "Killing"]}, "in this order", True),
        ({"events": ["Killing", "Unhealthy"]}, "missing from Unhealthy on", False),
    ],
)
def test_each_is_judged_by_what_was_seen(expect: dict[str, Any], seen: str, passed: bool) -> None:
    (verdict,) = verdicts(FREEZE, **expect)

    assert (verdict.seen, verdict.passed) == (seen, passed)


def test_restarts_cannot_be_told_of_a_pod_that_a_crash_had_to_remove() -> None:
    """Its containers' counts went with it, so that even what they were proves nothing."""
    gone = Event(5, "kube", "fault", "pod/web-1", "PodDeleted", "crash: kill 1 was ignored for 3 s", {})
    (one, total, other) = verdicts(
        [pod(1, ready=True), gone], restarts={"web-1": "== 0", "total": "== 0", "api": "== 0"}
    )

    told = "0; can't be told: instead of its container web-1 was removed, and is counted no more"
    assert [(verdict.seen, verdict.passed) for verdict in (one, total)] == [(told, False)] * 2
    assert other.seen == "no such pod"


def log(container: str, line: str) -> Event:
    return Event(1, "lab", "log", "pod/web-1", "", line, {"container": container})


@pytest.mark.parametrize(
    ("wanted", "seen", "passed"),
    [("^ok .*1$", "ok 1", True), ("page", "none of its 2 lines", False)],
)
def test_a_line_of_a_containers_own_log(wanted: str, seen: str, passed: bool) -> None:
    lines = [log("web", "begin"), log("web", "ok 1"), log("events", "page 1")]
    (verdict,) = verdicts(lines, logs={"web": wanted})

    assert (verdict.seen, verdict.passed) == (seen, passed)


@pytest.mark.parametrize(("counts", "seen"), [((), "0"), ((1, 3, 0), "3")])
def test_the_most_zombies_that_there_were(counts: tuple[int, ...], seen: str) -> None:
    events = [Event(1, "lab", "process", "pod/web-1", "Zombies", data={"zombies": n}) for n in counts]
    (verdict,) = verdicts(events, zombies="== 3")

    assert (verdict.seen, verdict.passed) == (seen, seen == "3")


def test_a_step_is_an_event_too() -> None:
    step = Event(2, "experiment", "step", "service/web", "LoadEnded", "10 requests in 1.0s (200: 10)")
    (verdict,) = verdicts([step], events=[{"reason": "LoadEnded", "message": r"\(200: 10\)"}])

    assert verdict.passed


def test_verdicts_come_in_an_order_of_their_own() -> None:
    judged = verdicts(
        FREEZE, outcome="recovers", zombies="== 0", logs={"web": "x"}, restarts={"total": "== 1"}, errors="< 9"
    )

    assert [verdict.name for verdict in judged] == ["errors", "restarts of total", "log of web", "zombies", "outcome"]


@pytest.mark.parametrize("nothing", [{"events": []}, {"restarts": {}}, {"logs": {}}])
def test_what_holds_nothing_is_not_judged(nothing: dict[str, Any]) -> None:
    assert verdicts(FREEZE, **nothing) == []


@pytest.mark.parametrize("name", expectations())
def test_its_example_is_taken_by_reader_and_schema_and_judged(name: str) -> None:
    (example,), _ = parse_values(expectations()[name].example.encode(), "example")

    assert list(example) == [name]
    jsonschema_rs.validator_for(dict(expectations()[name].schema)).validate(example[name])
    assert verdicts(FREEZE, **example) != []


def test_what_never_came_is_not_within_anything() -> None:
    detected, recovered = verdicts(SICK, recovered_within=100, detected_within=100)

    assert (detected.seen, detected.passed) == ("never", False)
    assert (recovered.seen, recovered.passed) == ("never", False)


@pytest.mark.parametrize(
    ("events", "seen"),
    [
        ([*FREEZE, request(16)], ["recovers"]),
        (FREEZE, ["never-recovers"]),
        (SICK, ["never-recovers", "never-detected"]),
        ([pod(1, ready=False)], ["never-recovers", "never-ready"]),
    ],
)
def test_the_outcome_of_a_run(events: list[Event], seen: list[str]) -> None:
    assert outcomes(summarize(events)) == seen


@pytest.mark.parametrize(
    ("pattern", "missing"),
    [
        (EventPattern("Killing", "web-1"), ""),
        (EventPattern("Killing", "pod/web"), ""),
        (EventPattern("Killing", "web-2"), "web-2: Killing"),
        (EventPattern("Killing", "", "failed liveness"), ""),
        (EventPattern("Killing", "", "^Stopping"), "Killing: ^Stopping"),
    ],
)
def test_an_event_is_matched_by_reason_object_and_message(pattern: EventPattern, missing: str) -> None:
    assert first_missing([pattern], [kube(1, "Killing", "Container web failed liveness probe")]) == missing


def test_events_are_expected_as_a_subsequence() -> None:
    events = [kube(t, reason, "") for t, reason in enumerate(["Started", "Unhealthy", "Killing", "Started"])]

    assert first_missing([EventPattern(r) for r in ("Unhealthy", "Started")], events) == ""
    assert first_missing([EventPattern(r) for r in ("Killing", "Started", "Started")], events) == "Started"


@pytest.mark.parametrize("text", ["0.9", ">= ", "=> 1", "<= soon", ">= nan"])
def test_a_comparison_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        Comparison.parse(text)
