"""When a CronJob is due: cases of upstream's `pkg/controller/cronjob/utils_test.go`, a row each, named as there."""

from __future__ import annotations

from datetime import datetime

import pytest

from crashy.controllers.cron import PADDING, TOO_SHORT, Recent, most_recent, next_sync
from crashy.objects.schedule import parse_schedule

TOP = datetime.fromisoformat("2016-05-19T10:00:00Z").timestamp()  # a Thursday
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
WEEKDAYS, THRICE = "30 6-16/4 * * 1-5", "30 10,11,12 * * 1-5"
DEADLINE = 60


@pytest.mark.parametrize(
    ("schedule", "created", "last", "now", "deadline", "recent"),
    [
        pytest.param("0 * * * *", 0, None, 30, None, Recent(0, None), id="now before next schedule"),
        pytest.param("0 * * * *", 0, None, 61 * MINUTE, None, Recent(0, HOUR), id="now just after next schedule"),
        pytest.param(
            "0 * * * *", 10, None, 301 * MINUTE, None, Recent(10, 300 * MINUTE, "few"), id="missed 5 schedules"
        ),
        pytest.param(
            *(WEEKDAYS, 0, 30 * MINUTE, DAY + 31 * MINUTE, None),
            Recent(30 * MINUTE, DAY + 30 * MINUTE, "few"),
            id="complex schedule",
        ),
        pytest.param(
            *(THRICE, 0, 30 * MINUTE, 30 * HOUR + 30 * MINUTE, None),
            Recent(30 * MINUTE, None, "few"),
            id="another complex schedule",
        ),
        pytest.param(
            *(WEEKDAYS, 0, 30 * MINUTE, 4 * DAY + 31 * MINUTE, None),
            Recent(30 * MINUTE, 4 * DAY + 30 * MINUTE, "few"),
            id="complex schedule with longer diff between executions",
        ),
        pytest.param(
            *(WEEKDAYS, 0, None, DAY + 31 * MINUTE, None),
            Recent(0, DAY + 30 * MINUTE, "few"),
            id="complex schedule with shorter diff between executions",
        ),
        pytest.param(
            *("@every 1h", -59 * MINUTE, MINUTE, 7 * DAY, None),
            Recent(MINUTE, 6 * DAY + 23 * HOUR + MINUTE, "many"),
            id="@every schedule",
        ),
        pytest.param(
            "0 * * * *", 0, 0, 30, None, Recent(0, None), id="earliestTime being CreationTimestamp and LastScheduleTime"
        ),
        pytest.param(
            *("*/5 * * * *", 0, 30 * MINUTE, 31 * MINUTE, None),
            Recent(30 * MINUTE, None),
            id="earliestTime being LastScheduleTime",
        ),
        pytest.param(
            *("*/5 * * * *", 0, 30 * MINUTE, 31 * MINUTE, DEADLINE),
            Recent(30 * MINUTE, None),
            id="earliestTime being LastScheduleTime (within StartingDeadlineSeconds)",
        ),
        pytest.param(
            *("*/5 * * * *", 0, 30 * MINUTE, 32 * MINUTE, DEADLINE),
            Recent(31 * MINUTE, None),
            id="earliestTime being LastScheduleTime (outside StartingDeadlineSeconds)",
        ),
    ],
)
def test_most_recent_schedule_time(
    schedule: str, created: float, last: float | None, now: float, deadline: int | None, recent: Recent
) -> None:
    """kubernetes: pkg/controller/cronjob/utils_test.go TestMostRecentScheduleTime."""
    known = None if last is None else TOP + last
    found = most_recent(parse_schedule(schedule), created=TOP + created, last=known, now=TOP + now, deadline=deadline)

    time = None if found.time is None else found.time - TOP
    assert found._replace(earliest=found.earliest - TOP, time=time) == recent


@pytest.mark.parametrize(
    ("last", "now", "deadline", "time"),
    [
        pytest.param(None, -7 * MINUTE, None, None, id="Case 1: no known start times, and none needed yet"),
        pytest.param(None, 2, None, 0, id="Case 2: no known start times, and one needed"),
        pytest.param(0, 2 * MINUTE, None, None, id="Case 3: known LastScheduleTime, no start needed"),
        pytest.param(0, HOUR + 5 * MINUTE, None, HOUR, id="Case 4: known LastScheduleTime, a start needed"),
        pytest.param(-HOUR, HOUR + 5 * MINUTE, None, HOUR, id="Case 5: known LastScheduleTime, two starts needed"),
        pytest.param(-HOUR, HOUR + 10 * DAY, None, HOUR + 10 * DAY, id="Case 6: way ahead, and there is no deadline"),
        pytest.param(-HOUR, HOUR + 10 * DAY, 7200, HOUR + 10 * DAY, id="Case 7: way ahead, but a short deadline"),
    ],
)
def test_next_schedule_time(last: float | None, now: float, deadline: int | None, time: float | None) -> None:
    """kubernetes: pkg/controller/cronjob/utils_test.go TestNextScheduleTime."""
    known = None if last is None else TOP + last
    created = TOP - 10 * MINUTE
    found = most_recent(parse_schedule("0 * * * ?"), created=created, last=known, now=TOP + now, deadline=deadline)

    assert found.time == (None if time is None else TOP + time)


def test_a_schedule_that_never_comes() -> None:
    """kubernetes: pkg/controller/cronjob/utils_test.go TestMostRecentScheduleTime, `rogue cronjob`."""
    with pytest.raises(ValueError, match=TOO_SHORT):
        most_recent(parse_schedule("59 23 31 2 *"), created=TOP + 10, last=None, now=TOP + HOUR)

    assert next_sync(parse_schedule("59 23 31 2 *"), created=TOP, last=None, now=TOP + HOUR) is None


@pytest.mark.parametrize(
    ("schedule", "last", "now", "seconds"),
    [
        pytest.param(
            *(WEEKDAYS, 30 * MINUTE, DAY + 31 * MINUTE, 3 * HOUR + 59 * MINUTE),
            id="complex schedule skipping weekend",
        ),
        pytest.param(
            *(THRICE, 30 * MINUTE, 30 * HOUR + 30 * MINUTE, 66 * HOUR),
            id="another complex schedule skipping weekend",
        ),
        pytest.param(
            *("0 12 * * 4", 2 * HOUR, 19 * DAY + HOUR + 30 * MINUTE, 48 * HOUR + 30 * MINUTE),
            id="once a week cronjob, missed two runs",
        ),
        pytest.param("0 12 * * 5", None, 6 * HOUR, 20 * HOUR, id="no previous run of a cronjob"),
    ],
)
def test_next_schedule_time_duration(schedule: str, last: float | None, now: float, seconds: float) -> None:
    """kubernetes: pkg/controller/cronjob/utils_test.go TestNextScheduleTimeDuration."""
    known = None if last is None else TOP + last

    assert next_sync(parse_schedule(schedule), created=TOP, last=known, now=TOP + now) == pytest.approx(
        seconds + PADDING
    )
