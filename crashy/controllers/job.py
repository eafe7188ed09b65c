"""A Job's controller: its queue, its pods and what is written; what one sync decides is in `job_sync.py`.

kubernetes: pkg/controller/job/job_controller.go, pkg/controller/ttlafterfinished/ttlafterfinished_controller.go
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import floor
from typing import Any, TypeVar

from crashy import clock
from crashy.controllers.base import PodView, Workloads
from crashy.controllers.job_pods import INDEX, Backoff, JobPod, last_failures, pods_begin, replacement_annotations
from crashy.controllers.job_sync import Condition, JobStatus, Step, sync
from crashy.controllers.timer import Timer
from crashy.kubelet.restarts import is_sidecar
from crashy.kubelet.runtime import Pod
from crashy.objects.job import CONTROLLER, Job
from crashy.objects.names import generated
from crashy.objects.pod import Container, EnvVar, PodTemplate
from crashy.timeline import kinds
from crashy.timeline.kinds import Emit

SOURCE = "job-controller"
BATCH_SECONDS = 1.0
"""Seconds from a change of a pod, or of the Job's own status, to the sync; it sees all changes until then."""
_T = TypeVar("_T")
_INDEX_ENV = "JOB_COMPLETION_INDEX"


class JobController:
    """Keeps a Job's pods, and is the owner of them. `written` is called after each write of its status."""

    def __init__(
        self,
        workload: Job,
        *,
        create: Callable[[str, str, PodTemplate, JobController], None],
        delete: Callable[[Pod], None],
        emit: Emit,
        rng: random.Random,
        workloads: Workloads,
    ) -> None:
        self.workload = workload
        self.pods = _Pods()
        self.state = JobStatus()
        self.written: Callable[[], None] = _nothing
        self._create = create
        self._delete = delete
        self._emit = emit
        self._rng = rng
        self._workloads = workloads
        self._uid = f"{rng.getrandbits(32):08x}"
        self._backoff = Backoff()
        self._timer = Timer(self.sync)
        self._loop = asyncio.get_running_loop()
        self.created_at = self._loop.time()

    def apply(self, workload: Job) -> None:
        """Replace its specification; the changes take effect at once."""
        self.workload = workload
        self.sync()

    def owns(self, owner: object) -> bool:
        """Return whether `owner` is itself: it owns its pods."""
        return owner is self

    def changed(self) -> None:
        """Act on the recorded changes of its pods, after BATCH_SECONDS."""
        self._timer.after(BATCH_SECONDS)

    def stop(self) -> None:
        """Cancel its timer for good."""
        self._timer.stop()

    @property
    def exists(self) -> bool:
        """Return whether it has not been deleted."""
        return not self._timer.stopped

    def status(self) -> dict[str, Any]:
        """Return its status in the API's fields, times in Unix seconds."""
        return self.state.fields()

    def sync(self) -> None:
        """Take the next step, or delete a finished Job after its TTL; do nothing if another controller manages it."""
        if self.workload.managed_by != CONTROLLER:
            return
        now = clock.date()
        if finished := self.state.finished:
            self._expire(finished, now)
            return
        pods = self.pods.seen(now - self._loop.time())
        step = sync(self.workload, self.state, pods, self._backoff, now)
        before = self.state
        self._delete_pods(step)
        self._create_pods(step, pods)
        self._backoff = step.backoff
        if step.turned:
            self._event("Normal", "Suspended" if step.turned.status else "Resumed", step.turned.message)
        self.pods.count(step.counted)
        self._write(step.first)
        self._write(step.last)
        if self.state != before or step.counted:
            self._timer.after(BATCH_SECONDS)
        if step.again is not None:
            self._timer.after(step.again)
        if finished := self.state.finished:
            complete = finished.type == "Complete"
            words = ("Normal", "Completed", "Job completed") if complete else _failure(finished)
            self._event(*words)
            self.written()
            self._expire(finished, now)
        elif self.state != before:
            self.written()

    def _write(self, status: JobStatus) -> None:
        before, self.state = self.state, status
        for one in status.conditions:
            if one not in before.conditions:
                self._condition(one)
        if status != before and status.finished is None and status.condition("SuccessCriteriaMet", "FailureTarget"):
            self.written()

    def _expire(self, finished: Condition, now: float) -> None:
        """Delete the Job if ttlSecondsAfterFinished has passed, or wait until then."""
        if (seconds := self.workload.ttl_seconds_after_finished) is None:
            return
        left = finished.since + seconds - now
        if left > 0:
            self._timer.after(left)
        else:
            self._workloads.remove(self.workload.key)

    # --- pods

    def _delete_pods(self, step: Step) -> None:
        for pod in _spawned(step.delete):
            self._delete(self.pods.pod(pod.uid))
            self._event("Normal", "SuccessfulDelete", f"Deleted pod: {pod.name}")

    def _create_pods(self, step: Step, pods: list[JobPod]) -> None:
        job = self.workload
        last = last_failures(job, pods, ()) if job.limit_per_index is not None and step.create else {}
        for index in _slow_start(step.create):
            marks = {} if index is None else replacement_annotations(job, index, last.get(index))
            name = generated(pods_begin(job.name, index), self._rng)
            self._create(name, job.namespace, self._template(marks), self)
            self._event("Normal", "SuccessfulCreate", f"Created pod: {name}")

    def _template(self, marks: dict[str, str]) -> PodTemplate:
        """Return the template of a pod, with the labels of its Job, and of its index if it has one."""
        job, template = self.workload, self.workload.template
        names = {"job-name": job.name, "controller-uid": self._uid}
        labels = {**template.labels, **names, **{f"batch.kubernetes.io/{key}": name for key, name in names.items()}}
        if not marks:
            return replace(template, labels=labels)
        return replace(
            template,
            labels=labels | {INDEX: marks[INDEX]},
            annotations={**template.annotations, **marks},
            containers=tuple(map(_with_index, template.containers)),
            init_containers=tuple(map(_with_index, template.init_containers)),
        )

    # --- what is reported

    def _condition(self, one: Condition) -> None:
        kinds.CONDITION.add(
            self._emit,
            SOURCE,
            self.workload.object,
            one.reason,
            one.message,
            data={
                "type": "Warning" if one.type in {"Failed", "FailureTarget"} else "Normal",
                "condition": one.type,
                "status": str(one.status),
                "namespace": self.workload.namespace,
            },
        )

    def _event(self, kind: str, reason: str, message: str) -> None:
        data: kinds.KubernetesEvent = {"type": kind, "namespace": self.workload.namespace}
        kinds.EVENT.add(self._emit, SOURCE, self.workload.object, reason, message, data=data)


class _Pods:
    """A Job's pods; one that is gone stays, as it was, until it is counted."""

    def __init__(self) -> None:
        self._views: dict[str, PodView] = {}
        self._gone: set[str] = set()
        self._counted: set[str] = set()

    def put(self, view: PodView) -> None:
        """Record a pod that was created or has changed."""
        self._views[view.pod.uid] = view

    def drop(self, uid: str) -> None:
        """Remove a pod that is gone."""
        if uid in self._counted:
            del self._views[uid]
            self._counted.discard(uid)
        else:
            self._gone.add(uid)

    def pod(self, uid: str) -> Pod:
        """Return a pod by its uid."""
        return self._views[uid].pod

    def count(self, uids: frozenset[str]) -> None:
        """Record that pods are counted in the status: their finalizer is removed."""
        self._counted |= uids
        for uid in uids & self._gone:
            self._gone.discard(uid)
            self.drop(uid)

    def seen(self, date: float) -> list[JobPod]:
        """Return the pods as a sync reads them; `date` is the Unix time at the loop's time 0."""
        return [_seen(view, date, counted=uid in self._counted) for uid, view in self._views.items()]


def _seen(view: PodView, date: float, *, counted: bool) -> JobPod:
    pod, status = view.pod, view.status
    containers = (*status.containers, *status.init_containers)
    sidecars = {container.name for container in pod.template.init_containers if is_sidecar(container)}
    stayed = (*status.containers, *(one for one in status.init_containers if one.name in sidecars))
    ends = [one.finished_at for one in stayed]
    known = [end for end in ends if end is not None]
    ended = max(known) if known and len(known) == len(ends) else status.ready_since
    return JobPod(
        pod.uid,
        pod.name,
        pod.namespace,
        status.phase,
        status.deleting,
        status.ready,
        sum(one.restart_count for one in containers),
        floor(date + ended),
        {one.name: one.exit_code for one in containers if one.state == "terminated"},
        {"Ready": str(status.ready)} | ({"DisruptionTarget": "True"} if view.evicted else {}),
        pod.template.annotations,
        counted,
    )


def _slow_start(create: Sequence[_T]) -> Iterator[_T]:
    """Yield what is to be created, in batches of 1, 2, 4 and so on; a batch is created at once."""
    start, size = 0, 1
    while start < len(create):
        yield from _spawned(create[start : start + size])
        start, size = start + size, size * 2


def _spawned(batch: Sequence[_T]) -> Iterator[_T]:
    """Yield a batch in the order in which Go runs a goroutine for each: the last one first."""
    yield from (*batch[-1:], *batch[:-1])


def _with_index(container: Container) -> Container:
    if any(one.name == _INDEX_ENV for one in container.env):
        return container
    source = {"fieldRef": {"fieldPath": f"metadata.labels['{INDEX}']"}}
    return replace(container, env=(*container.env, EnvVar(_INDEX_ENV, value_from=source)))


def _failure(finished: Condition) -> tuple[str, str, str]:
    return "Warning", finished.reason, finished.message


def _nothing() -> None:
    """Do nothing: no CronJob waits for this Job."""
