"""When a CronJob's next Job is due, and which one was missed. Times are in Unix seconds.

kubernetes: pkg/controller/cronjob/utils.go
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from crashy.objects.schedule import Schedule

PADDING = 0.1
"""Seconds after a scheduled time at which the controller comes, in case the clock was set."""
_MANY = 100
TOO_SHORT = "time difference between two schedules is less than 1 second"

Missed = Literal["none", "few", "many"]


class Recent(NamedTuple):
    """What is looked at from `earliest` on: the most recent scheduled time, None if there is none, and how many."""

    earliest: float
    time: float | None
    missed: Missed = "none"


def most_recent(
    schedule: Schedule, *, created: float, last: float | None, now: float, deadline: int | None = None
) -> Recent:
    """Return the last scheduled time up to now, after the last one that ran; none is older than the deadline.

    Raises ValueError for a schedule that never comes.
    """
    earliest = created if last is None else last
    if deadline is not None:
        earliest = max(earliest, now - deadline)
    first = schedule.next(earliest)
    second = None if first is None else schedule.next(first)
    if first is not None and now < first:
        return Recent(earliest, None)
    if first is not None and second is not None and now < second:
        return Recent(earliest, first)
    between = 0 if first is None or second is None else round(second - first)
    if first is None or between < 1:
        raise ValueError(TOO_SHORT)
    count = int(now - first) // between + 1
    missed: Missed = "many" if count > _MANY else "few"
    # One interval before the last, for schedules whose intervals differ.
    found, time = None, schedule.next(first + (count - 2) * between)
    while time is not None and time <= now:
        found, time = time, schedule.next(time)
    return Recent(earliest, found, missed)


def next_sync(schedule: Schedule, *, created: float, last: float | None, now: float) -> float | None:
    """Return in how many seconds the controller has to look again; None where never."""
    try:
        recent = most_recent(schedule, created=created, last=last, now=now)
    except ValueError:
        base = now
    else:
        base = recent.time if recent.time is not None else (recent.earliest if recent.missed == "none" else now)
    due = schedule.next(base)
    return None if due is None else due + PADDING - now
