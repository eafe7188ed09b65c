"""CronJobs over modelled containers, in virtual time: cases of upstream's tests, and 06a to 06d of the recordings.

When a CronJob is due is in `test_cron.py`. Virtual time begins at midnight UTC of 1 January 2026.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from crashy.clock import START_DATE, run_virtual
from crashy.controllers.cronjob import CronJobController
from crashy.controllers.job import JobController
from crashy.timeline import kinds
from tests.controllers.jobs import cron_job_object, job_object
from tests.controllers.test_job import Script
from tests.controllers.worlds import World, manifests, world

SHORT = Script(0, seconds=2)
FIRST = int(START_DATE) // 60 + 1
"""The number of the first Job: minutes since the epoch."""


@asynccontextmanager
async def cron_world(
    script: Script = SHORT, schedule: str = "* * * * *", *, seconds: float = 200, **spec: Any
) -> AsyncIterator[World]:
    async with world(cron_job_object(schedule, **spec), seconds=seconds, script=script) as made:
        yield made


def controller(w: World) -> CronJobController:
    (one,) = w.cluster.controllers(CronJobController)
    return one


def told(w: World, *reasons: str) -> list[tuple[int, str, str]]:
    """Return the CronJob's events: the second, the reason, and the Jobs' numbers from 1 on in the message."""
    found = []
    for event in w.timeline.since():
        if event.object == "cronjob/cj" and event.kind == kinds.EVENT and (not reasons or event.reason in reasons):
            message = event.message
            for number in range(9):
                message = message.replace(f"cj-{FIRST + number}", f"#{number + 1}")
            found.append((int(event.t), event.reason, message))
    return found


def test_a_job_each_minute_of_which_three_are_kept() -> None:
    """06.1: 0.1 s after the whole minute; named after the minutes since the epoch."""

    async def main() -> None:
        async with cron_world(seconds=330) as w:
            created = [event for event in w.events("SuccessfulCreate") if event.object == "cronjob/cj"]

            assert [event.t for event in created] == pytest.approx([60.1, 120.1, 180.1, 240.1, 300.1], abs=0.05)
            assert [one.workload.name for one in w.cluster.controllers(JobController)] == [
                *(f"cj-{FIRST + number}" for number in (2, 3, 4))
            ]
            last = START_DATE + 300
            assert controller(w).status() == {"lastScheduleTime": last, "lastSuccessfulTime": last + 4}
            assert len(w.names()) == 3

    run_virtual(main())


def test_the_history_limits() -> None:
    """06c: the older Job goes as soon as the newer one is complete."""

    async def main() -> None:
        async with cron_world(seconds=130, successfulJobsHistoryLimit=1) as w:
            assert [line[1:] for line in told(w)] == [
                ("SuccessfulCreate", "Created job #1"),
                ("SawCompletedJob", "Saw completed job: #1, condition: Complete"),
                ("SuccessfulCreate", "Created job #2"),
                ("SuccessfulDelete", "Deleted job #1"),
                ("SawCompletedJob", "Saw completed job: #2, condition: Complete"),
            ]
            assert len(w.names()) == 1

    run_virtual(main())


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        pytest.param({}, ["Complete"] * 3 + ["Failed"], id="3 and 1"),
        pytest.param({"successfulJobsHistoryLimit": 0, "failedJobsHistoryLimit": 0}, [], id="none"),
        pytest.param({"failedJobsHistoryLimit": 2}, ["Complete"] * 3 + ["Failed"] * 2, id="3 and 2"),
    ],
)
def test_finished_jobs_are_deleted_oldest_first(limits: dict[str, int], left: list[str]) -> None:
    """kubernetes: pkg/controller/cronjob/cronjob_controllerv2_test.go TestControllerV2CleanupFinishedJobs."""
    codes = [0, 1] * 5
    job = job_object(backoffLimit=0)["spec"]

    async def main() -> None:
        spec = cron_job_object("* * * * *", job, **limits)
        async with world(spec, seconds=60 * len(codes) + 30, script=Script(*codes, seconds=2)) as w:
            jobs = [one.state.finished for one in w.cluster.controllers(JobController)]
            names = [one.workload.name for one in w.cluster.controllers(JobController)]

            assert sorted(one.type for one in jobs if one) == left
            assert names == sorted(names)
            if left:
                assert f"cj-{FIRST + len(codes) - 1}" in names

    run_virtual(main())


def test_forbid_skips_and_starts_the_missed_one_as_soon_as_it_can() -> None:
    """06a: a Job of 70 s: back to back, each named after the minute that it missed."""

    async def main() -> None:
        async with cron_world(Script(0, seconds=70), seconds=210, concurrencyPolicy="Forbid") as w:
            creations = [(second, message) for second, _, message in told(w, "SuccessfulCreate")]
            already = [second for second, *_ in told(w, "JobAlreadyActive")]

            assert creations == [(60, "Created job #1"), (132, "Created job #2"), (204, "Created job #3")]
            assert already[0] == 120
            assert controller(w).status()["active"] == [f"cj-{FIRST + 2}"]

    run_virtual(main())


def test_replace_deletes_the_one_that_runs() -> None:
    """06b: at the minute, the new one beside the old one's ending pod."""

    async def main() -> None:
        async with cron_world(Script(0, seconds=70, term=20), seconds=121, concurrencyPolicy="Replace") as w:
            assert told(w) == [
                (60, "SuccessfulCreate", "Created job #1"),
                (120, "SuccessfulDelete", "Deleted job #1"),
                (120, "SuccessfulCreate", "Created job #2"),
            ]
            assert "lastSuccessfulTime" not in controller(w).status()
            assert len(w.names()) == 2

    run_virtual(main())


def test_allow_runs_them_side_by_side() -> None:
    async def main() -> None:
        async with cron_world(Script(0, seconds=70), seconds=125) as w:
            assert controller(w).status()["active"] == [f"cj-{FIRST}", f"cj-{FIRST + 1}"]

    run_virtual(main())


@pytest.mark.parametrize(
    ("deadline", "creations"),
    [
        pytest.param(None, [(80, 1), (120, 2)], id="without a deadline the missed one starts at once"),
        pytest.param(200, [(80, 1), (120, 2)], id="within the deadline too"),
        pytest.param(10, [(120, 2)], id="past it the next one comes, and nothing is said"),
    ],
)
def test_resumed_20_s_after_a_minute(deadline: int | None, creations: list[tuple[int, int]]) -> None:
    """06d."""
    spec: dict[str, Any] = {} if deadline is None else {"startingDeadlineSeconds": deadline}

    async def main() -> None:
        async with cron_world(seconds=80, suspend=True, **spec) as w:
            w.cluster.apply(manifests(cron_job_object(**spec)))
            await asyncio.sleep(45)

            jobs = [(second, int(message[-1])) for second, _, message in told(w, "SuccessfulCreate")]
            assert jobs == creations
            assert {reason for _, reason, _ in told(w)} == {"SuccessfulCreate", "SawCompletedJob"}

    run_virtual(main())


def test_more_than_a_hundred_missed_starts_are_reported_and_the_last_one_runs() -> None:
    """kubernetes: cronjob_controllerv2_test.go, `prev ran but done, long overdue, no deadline`."""

    async def main() -> None:
        async with cron_world(seconds=102 * 60, suspend=True) as w:
            w.cluster.apply(manifests(cron_job_object()))
            await asyncio.sleep(1)

            assert [reason for _, reason, _ in told(w)] == ["TooManyMissedTimes", "SuccessfulCreate"]
            assert told(w)[1][2] == f"Created job cj-{FIRST + 101}"

    run_virtual(main())


def test_a_schedule_that_never_comes_is_told() -> None:
    """kubernetes: cronjob_controllerv2_test.go; pkg/controller/cronjob/utils_test.go, `rogue cronjob`."""

    async def main() -> None:
        async with cron_world(schedule="59 23 31 2 *", seconds=60) as w:
            assert [reason for _, reason, _ in told(w)] == ["InvalidSchedule"]

    run_virtual(main())


def test_a_month_of_a_zone_whose_clock_changes() -> None:
    """A day's 2:30 in Rome: not on 29 March, when that hour is left out."""

    async def main() -> None:
        async with cron_world(
            schedule="30 2 * * *", seconds=100 * 86400, timeZone="Europe/Rome", successfulJobsHistoryLimit=200
        ) as w:
            names = [int(one.workload.name.removeprefix("cj-")) for one in w.cluster.controllers(JobController)]
            days = [datetime.fromtimestamp(minutes * 60, UTC) for minutes in names]

            assert len(days) == 99
            assert {(day.hour, day.minute) for day in days if day < datetime(2026, 3, 29, tzinfo=UTC)} == {(1, 30)}
            assert {(day.hour, day.minute) for day in days if day > datetime(2026, 3, 29, tzinfo=UTC)} == {(0, 30)}
            assert 29 not in {day.day for day in days if day.month == 3}

    run_virtual(main())


def test_another_schedule_is_looked_at_when_it_is_due() -> None:
    async def main() -> None:
        async with cron_world(schedule="0 0 * * *", seconds=30) as w:
            w.cluster.apply(manifests(cron_job_object("*/2 * * * *")))
            await asyncio.sleep(100)

            assert told(w, "SuccessfulCreate") == [(120, "SuccessfulCreate", "Created job #2")]

    run_virtual(main())


def test_a_job_that_is_gone_before_it_was_seen_finished() -> None:
    """kubernetes: cronjob_controllerv2.go syncCronJob, `MissingJob`."""

    async def main() -> None:
        async with cron_world(Script(0, seconds=1000), seconds=70) as w:
            (job,) = w.cluster.controllers(JobController)
            w.cluster.remove(job.workload.key)
            await asyncio.sleep(60)

            assert ("MissingJob", "Active job went missing: #1") in [line[1:] for line in told(w)]
            assert controller(w).status()["active"] == [f"cj-{FIRST + 1}"]

    run_virtual(main())


def test_two_starts_in_a_minute_are_one_job() -> None:
    """kubernetes: cronjob_controllerv2.go syncCronJob, `Job already exists`: the name has the minute in it."""

    async def main() -> None:
        async with cron_world(schedule="@every 20s", seconds=58) as w:
            assert told(w, "SuccessfulCreate") == [(20, "SuccessfulCreate", f"Created job cj-{FIRST - 1}")]
            assert len(told(w, "SawCompletedJob")) == 2
            assert len(w.names()) == 1
            await asyncio.sleep(10)

            assert len(told(w, "SuccessfulCreate")) == 2

    run_virtual(main())


def test_a_job_that_a_user_made_of_its_template() -> None:
    """kubernetes: cronjob_controllerv2.go syncCronJob, `UnexpectedJob`; it counts for the history alone."""

    async def main() -> None:
        async with cron_world(schedule="0 0 29 2 *", seconds=1, successfulJobsHistoryLimit=1) as w:
            controller(w).start("first")
            controller(w).start("second")
            controller(w).sync()
            unexpected = "Saw a job that the controller did not create or forgot: second"
            assert ("UnexpectedJob", unexpected) in [line[1:] for line in told(w)]
            assert "active" not in controller(w).status()
            await asyncio.sleep(20)

            assert [one.workload.name for one in w.cluster.controllers(JobController)] == ["second"]
            w.cluster.remove(controller(w).workload.key)
            await asyncio.sleep(5)
            assert not w.cluster.workloads()
            assert w.names() == []

    run_virtual(main())
