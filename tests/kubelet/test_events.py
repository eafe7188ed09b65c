"""What events say. kubelet: pkg/kubelet/prober/prober.go probe; the texts of 1.20 and 1.36 as recorded from both."""

from __future__ import annotations

import pytest

from crashy.kubelet.events import Event, Message, probe_event
from crashy.kubelet.outcome import Outcome, Result
from crashy.kubelet.versions import PROFILES
from crashy.objects.durations import human_duration
from crashy.objects.pod import ProbeType
from tests.kubelet.cases import Expect, case

LIVENESS, READINESS, STARTUP = ProbeType.LIVENESS, ProbeType.READINESS, ProbeType.STARTUP
PORT_ERROR = 'strconv.Atoi: parsing "http": invalid syntax'
BODY_ERROR = "context deadline exceeded (Client.Timeout or context cancellation while reading body)"


@pytest.mark.parametrize(
    ("probe_type", "outcome", "version", "expected"),
    [
        case(
            "event.unhealthy.liveness",
            LIVENESS,
            Outcome(Result.FAILURE, "boom"),
            "1.36",
            ("Unhealthy", "Liveness probe failed: boom"),
        ),
        case(
            "event.unhealthy.readiness",
            READINESS,
            Outcome(Result.FAILURE, "boom"),
            "1.36",
            ("Unhealthy", "Readiness probe failed: boom"),
        ),
        case(
            "event.unhealthy.startup",
            STARTUP,
            Outcome(Result.FAILURE, "boom"),
            "1.36",
            ("Unhealthy", "Startup probe failed: boom"),
        ),
        (LIVENESS, Outcome(Result.FAILURE), "1.20", ("Unhealthy", "Liveness probe failed: ")),
        case(
            "event.probewarning.readiness",
            READINESS,
            Outcome(Result.WARNING, "probe output"),
            "1.36",
            ("ProbeWarning", "Readiness probe warning: probe output"),
        ),
        case(
            "event.probewarning.startup",
            STARTUP,
            Outcome(Result.WARNING, "probe output"),
            "1.36",
            ("ProbeWarning", "Startup probe warning: probe output"),
        ),
        case(
            "event.errored",
            READINESS,
            Outcome(Result.UNKNOWN, error=PORT_ERROR),
            "1.36",
            ("Unhealthy", f"Readiness probe errored and resulted in unknown state: {PORT_ERROR}"),
        ),
        (
            LIVENESS,
            Outcome(Result.FAILURE, error=BODY_ERROR),
            "1.32",
            ("Unhealthy", f"Liveness probe errored and resulted in failure state: {BODY_ERROR}"),
        ),
        case(
            "event.errored",
            READINESS,
            Outcome(Result.UNKNOWN, error=PORT_ERROR),
            "1.20",
            ("Unhealthy", f"Readiness probe errored: {PORT_ERROR}"),
        ),
    ],
)
def test_a_probes_event(
    probe_type: ProbeType, outcome: Outcome, version: str, expected: tuple[str, str], expect: Expect
) -> None:
    found = probe_event(probe_type, outcome, PROFILES[version])
    assert found == Message("Warning", *expected)
    if version == "1.20":
        expect(older_message=found.text)
    else:
        expect(type=found.type, reason=found.reason, message=found.text)


@pytest.mark.parametrize("result", [Result.SUCCESS, case("event.unknown-without-error", Result.UNKNOWN)])
def test_success_and_mere_ignorance_are_not_reported(result: Result, expect: Expect) -> None:
    found = probe_event(LIVENESS, Outcome(result, "fine"))
    assert found is None
    expect(event=found, result="success" if Outcome(result, "fine").healthy else "failure")


@pytest.mark.parametrize(
    ("count", "first", "last", "now", "expected"),
    [
        # kubectl: pkg/cmd/events getInterval
        case("events.age.single", 1, 0, 0, 12, "12s"),
        (1, 12, 12, 12.9, "0s"),
        case("events.age.counted", 3, 8, 10, 10, "0s (x3 over 2s)"),
        (2, 0, 65, 65, "0s (x2 over 65s)"),
        (3, 0, 130, 130, "0s (x3 over 2m10s)"),
        (64, 0, 1000, 1020, "20s (x64 over 17m)"),
    ],
)
def test_an_events_age(count: int, first: float, last: float, now: float, expected: str, expect: Expect) -> None:
    event = Event("pod/web", "Warning", "Unhealthy", "boom", count=count, first=first, last=last)
    assert event.seen(now) == expected
    expect(age=event.seen(now))


MINUTE, HOUR, DAY = 60, 3600, 86400
YEAR = 365 * DAY


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        # apimachinery: pkg/util/duration/duration_test.go TestHumanDuration
        (-2, "<invalid>"),
        (-1.9, "0s"),
        (0, "0s"),
        (1.9, "1s"),
        (70, "70s"),
        (119.9, "119s"),
        (120, "2m"),
        (121, "2m1s"),
        (10 * MINUTE - 1, "9m59s"),
        (10 * MINUTE, "10m"),
        (10 * MINUTE + 1, "10m"),
        (3 * HOUR - 1, "179m"),
        (3 * HOUR, "3h"),
        (3 * HOUR + MINUTE, "3h1m"),
        (8 * HOUR - 1, "7h59m"),
        (8 * HOUR, "8h"),
        (2 * DAY - 1, "47h"),
        (2 * DAY, "2d"),
        (2 * DAY + HOUR, "2d1h"),
        (8 * DAY - 1, "7d23h"),
        (8 * DAY, "8d"),
        (2 * YEAR - 1, "729d"),
        (2 * YEAR, "2y"),
        (2 * YEAR + DAY, "2y1d"),
        (8 * YEAR - 1, "7y364d"),
        (8 * YEAR, "8y"),
        (9 * YEAR + 100 * DAY, "9y"),
    ],
)
def test_ages_read_as_kubectls(seconds: float, expected: str) -> None:
    assert human_duration(seconds) == expected
