"""A CronJob's controller: its Jobs by the clock, and how many finished ones are kept.

kubernetes: pkg/controller/cronjob/cronjob_controllerv2.go; when a Job is due is in `cron.py`.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from math import floor
from typing import Any

from crashy import clock
from crashy.controllers.base import Workloads
from crashy.controllers.cron import most_recent, next_sync
from crashy.controllers.job import JobController
from crashy.controllers.timer import Timer
from crashy.objects.cronjob import CronJob
from crashy.objects.schedule import Schedule, parse_schedule
from crashy.timeline import kinds
from crashy.timeline.kinds import Emit

SOURCE = "cronjob-controller"
_ALREADY = "Not starting job because prior execution is running and concurrency policy is Forbid"
_MANY = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"


class CronJobController:
    """Creates a CronJob's Jobs when they are due; `active` are those that it has not yet seen finished."""

    def __init__(self, workload: CronJob, *, emit: Emit, workloads: Workloads, **_: Any) -> None:
        self.workload = workload
        self.jobs: list[JobController] = []  # that exist, the oldest first
        self.active: list[JobController] = []
        self.last_schedule: float | None = None
        self.last_success: float | None = None
        self._emit = emit
        self._workloads = workloads
        self._timer = Timer(self.sync)
        self._syncing = False
        self.created_at = asyncio.get_running_loop().time()
        self._created = float(floor(clock.date()))

    def apply(self, workload: CronJob) -> None:
        """Replace its specification; a new schedule takes effect when it is due, other changes at once."""
        before, self.workload = self.workload, workload
        if (before.schedule, before.time_zone) != (workload.schedule, workload.time_zone):
            self._again(clock.date())
        else:
            self.sync()

    def owns(self, owner: object) -> bool:
        """Return whether pods of `owner` are its own: they are its Jobs'."""
        del owner
        return False

    def stop(self) -> None:
        """Cancel its timer."""
        self._timer.stop()

    @property
    def schedule(self) -> Schedule:
        """Return its schedule."""
        return parse_schedule(self.workload.schedule, self.workload.time_zone)

    def status(self) -> dict[str, Any]:
        """Return its status in the API's fields, times in Unix seconds."""
        found: dict[str, Any] = {"active": [one.workload.name for one in self.active]} if self.active else {}
        times = {"lastScheduleTime": self.last_schedule, "lastSuccessfulTime": self.last_success}
        return found | {field: time for field, time in times.items() if time is not None}

    def sync(self) -> None:
        """Delete old Jobs, record those that have finished, and create one that is due."""
        if self._syncing:
            return
        self._syncing = True
        try:
            self._step(clock.date())
        finally:
            self._syncing = False

    def _step(self, now: float) -> None:
        self.jobs = [one for one in self.jobs if one.exists]
        self._clean_up()
        self._look()
        if self.workload.suspend:
            return
        try:
            recent = most_recent(
                self.schedule,
                created=self._created,
                last=self.last_schedule,
                now=now,
                deadline=self.workload.starting_deadline_seconds,
            )
        except ValueError as error:
            self._event("Warning", "InvalidSchedule", f"invalid schedule: {self.workload.schedule} : {error}")
            return
        if recent.time is not None:
            if recent.missed == "many":
                self._event("Warning", "TooManyMissedTimes", _MANY)
            self._due(recent.time, now)
        self._again(now)

    def _again(self, now: float) -> None:
        seconds = next_sync(self.schedule, created=self._created, last=self.last_schedule, now=now)
        if seconds is not None:
            self._timer.after(seconds)

    def _clean_up(self) -> None:
        """Delete the oldest finished Jobs beyond the limits."""
        for kind, limit in (("Complete", self.workload.successful_limit), ("Failed", self.workload.failed_limit)):
            done = [one for one in self.jobs if (ended := one.state.finished) and ended.type == kind]
            done.sort(key=lambda one: (one.state.started or 0.0, one.workload.name))
            for one in done[: max(0, len(done) - limit)]:
                self._delete(one)

    def _look(self) -> None:
        """Report the active Jobs that have finished or are gone, and unfinished Jobs that are not among them."""
        for one in self.jobs:
            if one not in self.active and not one.state.finished:
                text = f"Saw a job that the controller did not create or forgot: {one.workload.name}"
                self._event("Warning", "UnexpectedJob", text)
        for one in [one for one in self.active if not one.exists]:
            self.active.remove(one)
            self._event("Normal", "MissingJob", f"Active job went missing: {one.workload.name}")
        for one in list(self.active):
            if finished := one.state.finished:
                self.active.remove(one)
                text = f"Saw completed job: {one.workload.name}, condition: {finished.type}"
                self._event("Normal", "SawCompletedJob", text)
                if one.state.completed is not None:
                    self.last_success = max(self.last_success or 0.0, one.state.completed)

    def _due(self, time: float, now: float) -> None:
        """Create the Job of a scheduled time, if the policies allow it."""
        deadline = self.workload.starting_deadline_seconds
        if deadline is not None and time + deadline < now:
            text = f"Missed scheduled time to start a job: {format_datetime(datetime.fromtimestamp(time, UTC))}"
            self._event("Warning", "MissSchedule", text)
            return
        name = f"{self.workload.name}-{int(time) // 60}"
        if time == self.last_schedule or any(one.workload.name == name for one in self.active):
            return
        if self.workload.concurrency == "Forbid" and self.active:
            self._event("Normal", "JobAlreadyActive", _ALREADY)
            return
        if self.workload.concurrency == "Replace":
            for one in list(self.active):
                self._delete(one)
        self._create(name, time)

    def _create(self, name: str, time: float) -> None:
        """Create a Job, unless one of an earlier time in the same minute has its name: that one is active again."""
        there = next((one for one in self.jobs if one.workload.name == name), None)
        if there is None:
            self._event("Normal", "SuccessfulCreate", f"Created job {name}")
        self.last_schedule = time
        self.active.append(there or self.start(name))
        if there:
            self._look()

    def start(self, name: str) -> JobController:
        """Create a Job of its template, as `kubectl create job NAME --from=cronjob/…` does, whatever its time is."""
        made: JobController = self._workloads.start(replace(self.workload.job, name=name))
        made.written = self.sync
        self.jobs.append(made)
        return made

    def _delete(self, one: JobController) -> None:
        self.jobs.remove(one)
        if one in self.active:
            self.active.remove(one)
        self._workloads.remove(one.workload.key)
        self._event("Normal", "SuccessfulDelete", f"Deleted job {one.workload.name}")

    def _event(self, kind: str, reason: str, message: str) -> None:
        data: kinds.KubernetesEvent = {"type": kind, "namespace": self.workload.namespace}
        kinds.EVENT.add(self._emit, SOURCE, self.workload.object, reason, message, data=data)
