"""Schedules: cases of the cron library's own tests, with five fields, and what an API server says of a wrong one.

Source: github.com/robfig/cron v3: spec_test.go, parser_test.go, constantdelay_test.go; kubernetes:
pkg/apis/batch/validation/validation_test.go.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from crashy.objects.schedule import parse_schedule, schedule_rules


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("time", "schedule", "due"),
    [
        ("2012-07-09T15:00", "0/15 * * * *", True),
        ("2012-07-09T15:45", "0/15 * * * *", True),
        ("2012-07-09T15:40", "0/15 * * * *", False),
        ("2012-07-09T15:05", "5/15 * * * *", True),
        ("2012-07-09T15:50", "5/15 * * * *", True),
        ("2012-07-15T15:00", "0/15 * * Jul *", True),
        ("2012-07-15T15:00", "0/15 * * Jun *", False),
        ("2012-07-15T08:30", "30 08 ? Jul Sun", True),
        ("2012-07-15T08:30", "30 08 15 Jul ?", True),
        ("2012-07-16T08:30", "30 08 ? Jul Sun", False),
        ("2012-07-16T08:30", "30 08 15 Jul ?", False),
        ("2012-07-09T15:00", "@hourly", True),
        ("2012-07-09T15:04", "@hourly", False),
        ("2012-07-09T15:00", "@daily", False),
        ("2012-07-09T00:00", "@midnight", True),
        ("2012-07-09T00:00", "@weekly", False),
        ("2012-07-08T00:00", "@weekly", True),
        ("2012-07-08T01:00", "@weekly", False),
        ("2012-07-08T00:00", "@monthly", False),
        ("2012-07-01T00:00", "@monthly", True),
        ("2012-01-01T00:00", "@yearly", True),
        # A day of the month and one of the week: either is enough.
        ("2012-07-15T00:00", "* * 1,15 * Sun", True),
        ("2012-06-15T00:00", "* * 1,15 * Sun", True),
        ("2012-08-01T00:00", "* * 1,15 * Sun", True),
        ("2012-07-15T00:00", "* * */10 * Sun", True),
        # Where one of them is a star both have to match.
        ("2012-07-15T00:00", "* * * * Mon", False),
        ("2012-07-09T00:00", "* * 1,15 * *", False),
        ("2012-07-15T00:00", "* * 1,15 * *", True),
        ("2012-07-15T00:00", "* * */2 * Sun", True),
    ],
)
def test_activation(time: str, schedule: str, due: bool) -> None:
    """spec_test.go TestActivation."""
    assert (parse_schedule(schedule).next(at(time) - 1) == at(time)) is due


@pytest.mark.parametrize(
    ("time", "schedule", "expected"),
    [
        ("2012-07-09T14:45", "0/15 * * * *", "2012-07-09T15:00"),
        ("2012-07-09T14:59:59", "0/15 * * * *", "2012-07-09T15:00"),
        ("2012-07-09T15:45", "20-35/15 * * * *", "2012-07-09T16:20"),
        ("2012-07-09T23:46", "*/15 * * * *", "2012-07-10T00:00"),
        ("2012-07-09T23:45", "20-35/15 * * * *", "2012-07-10T00:20"),
        ("2012-07-09T23:35:51", "20-35/15 1/2 * * *", "2012-07-10T01:20"),
        ("2012-07-09T23:35:51", "20-35/15 10-12 * * *", "2012-07-10T10:20"),
        ("2012-07-09T23:35:51", "20-35/15 1/2 */2 * *", "2012-07-11T01:20"),
        ("2012-07-09T23:35:51", "20-35/15 * 9-20 Jul *", "2012-07-10T00:20"),
        ("2012-07-09T23:35", "0 0 9 Apr-Oct ?", "2012-08-09T00:00"),
        ("2012-07-09T23:35", "0 0 */5 Apr,Aug,Oct Mon", "2012-08-01T00:00"),
        ("2012-07-09T23:35", "0 0 * Feb Mon", "2013-02-04T00:00"),
        ("2012-07-09T23:35", "0 0 * Feb Mon/2", "2013-02-01T00:00"),
        ("2012-12-31T23:59:45", "* * * * *", "2013-01-01T00:00"),
        ("2012-07-09T23:35", "0 0 29 Feb ?", "2016-02-29T00:00"),
        ("2012-07-09T14:45", "@every 5m", "2012-07-09T14:50"),
        ("2012-07-09T14:45", "@every 500ms", "2012-07-09T14:45:01"),
        ("2012-07-09T14:45", "@every 1h30m10s", "2012-07-09T16:15:10"),
    ],
)
def test_next(time: str, schedule: str, expected: str) -> None:
    """spec_test.go TestNext; constantdelay_test.go."""
    assert parse_schedule(schedule).next(at(time)) == at(expected)


@pytest.mark.parametrize("schedule", ["0 0 30 2 ?", "0 0 31 Apr ?"])
def test_unsatisfiable(schedule: str) -> None:
    """spec_test.go TestNext."""
    assert parse_schedule(schedule).next(at("2012-07-09T23:35")) is None


@pytest.mark.parametrize(
    ("after", "schedule", "hours"),
    [
        pytest.param("2012-03-11T00:00", "0 * * * *", [1, 3, 4], id="hourly job, the clock goes forward"),
        pytest.param("2012-11-04T00:00", "0 * * * *", [1, 1, 2], id="hourly job, the clock goes back"),
        pytest.param("2012-03-11T00:00", "30 1 * * *", [1, 1], id="1:30 nightly job, the clock goes forward"),
        pytest.param("2012-03-11T00:00", "30 2 * * *", [2], id="2:30 nightly job, skipped: it is the next day's"),
        pytest.param("2012-11-04T00:00", "30 1 * * *", [1, 1], id="1:30 nightly job runs twice"),
        pytest.param("2012-11-04T00:00", "30 2 * * *", [2], id="2:30 nightly job runs once"),
    ],
)
def test_nights_in_which_the_clock_changes(after: str, schedule: str, hours: list[int]) -> None:
    """spec_test.go TestNext, `Daylight savings time`, in America/New_York."""
    zone = "America/New_York"
    time: float | None = at(after, zone)
    found = []
    for _ in hours:
        time = parse_schedule(schedule, zone).next(time or 0)
        found.append(datetime.fromtimestamp(time or 0, ZoneInfo(zone)).hour)

    assert found == hours


def test_a_nightly_job_of_the_hour_that_is_left_out_comes_a_day_later() -> None:
    due = parse_schedule("30 2 * * *", "Europe/Rome").next(at("2026-03-28T12:00", "Europe/Rome"))

    assert due == at("2026-03-30T02:30", "Europe/Rome")


def test_without_a_zone_a_schedule_is_in_utc() -> None:
    noon = parse_schedule("0 12 * * *")

    assert noon.zone == UTC
    assert noon.next(0) == timedelta(hours=12).total_seconds()


BOTH = "cannot use both timeZone field and TZ or CRON_TZ in schedule"
ALONE = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
EXPLICIT = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        ("error", "expected exactly 5 fields, found 1: [error]"),
        ("0 * * * * *", "expected exactly 5 fields, found 6: [0 * * * * *]"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("5-3 * * * *", "beginning of range (5) beyond end of range (3): 5-3"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("* * * * 7", "end of range (7) above maximum (6): 7"),
        ("x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("1/2/3 * * * *", "too many slashes: 1/2/3"),
        ("@often", "unrecognized descriptor: @often"),
        ("TZ=UTC 0 * * * *", ALONE),
        *(
            (f"@every {given}", f'failed to parse duration @every {given}: time: invalid duration "{given}"')
            for given in ("5", "2562048h", f"{10**400}h", "٣h")
        ),
    ],
)
def test_wrong_schedules(schedule: str, text: str) -> None:
    """validation_test.go TestValidateCronJob; parser_test.go TestParseScheduleErrors."""
    assert [str(error) for error in schedule_rules(schedule, None, "spec")] == [
        f'spec.schedule: Invalid value: "{schedule}": {text}'
    ]


@pytest.mark.parametrize(
    ("schedule", "zone", "field", "text"),
    [
        ("0 * * * *", "", "timeZone", "timeZone must be nil or non-empty string"),
        ("0 * * * *", "Local", "timeZone", EXPLICIT),
        ("0 * * * *", "Continent/Zone", "timeZone", "unknown time zone Continent/Zone"),
        ("0 * * * *", "../etc/passwd", "timeZone", "unknown time zone ../etc/passwd"),
        ("TZ=UTC 0 * * * *", "UTC", "schedule", BOTH),
    ],
)
def test_wrong_zones(schedule: str, zone: str, field: str, text: str) -> None:
    """validation_test.go TestValidateCronJob."""
    value = zone if field == "timeZone" else schedule

    assert [str(error) for error in schedule_rules(schedule, zone, "spec")] == [
        f'spec.{field}: Invalid value: "{value}": {text}'
    ]


@pytest.mark.parametrize(
    ("schedule", "zone"), [("* * * * ?", None), ("@weekly", "America/New_York"), ("@every 1m", "UTC")]
)
def test_right_ones(schedule: str, zone: str | None) -> None:
    """validation_test.go TestValidateCronJob."""
    assert not list(schedule_rules(schedule, zone, "spec"))
