"""How a container's failure goes on: when it is detected, who sees errors, when it has recovered. All in seconds.

Each time is a lower and an upper bound, or None for never. They hold for the newest kubelet and a first failure,
without back-off (see `numbers.waits`). Unknown times count as 0: the runtime's time to start a container, and the app's
to start in it, unless its variables or its model set it. Only one container of a pod fails at a time: a kill blocks the
rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from signal import SIGKILL, SIGTERM

from crashy.check.outcomes import FailureMode, noticed, notices
from crashy.check.starts import (
    AT_ONCE,
    RELIST,
    Start,
    listens,
    liveness_spares,
    ready_after_start,
    start,
    unguarded,
    waits_for,
    within_start,
)
from crashy.check.targets import CheckTarget
from crashy.kubelet.backoff import WORK_QUEUE_SECONDS, crash_loop_backoff
from crashy.kubelet.detection import Bounds, first_failure, first_probe
from crashy.kubelet.detection import Illness as ProbeFailure
from crashy.kubelet.grace import KillReason, grace_period
from crashy.kubelet.restarts import restart_policy, restarts_after
from crashy.kubelet.versions import NEWEST
from crashy.objects.cronjob import CronJob
from crashy.objects.job import Job
from crashy.objects.pod import ProbeType, Sleep

REPLACED = Bounds(9.0, 12.0)
"""Seconds from the end of a Job's pod until the next one runs: its back-off, from the end's whole second."""
_SYNC = Bounds(0.0, RELIST)
_SUCCESSOR = Bounds(NEWEST.final_phase_after, NEWEST.final_phase_after + RELIST)
"""Seconds from the end of the only container of a pod until its controller has another one, if it is not restarted."""
_FAILED = (1, 128 + SIGTERM, 128 + SIGKILL)  # exit codes


@dataclass(frozen=True, slots=True)
class Impact:
    """When a failure is detected and recovered from, in seconds since its onset.

    `detected`: the kubelet has decided to restart the container. `out`: the pod is out of its Services, as it is not
    ready. `back`: the app listens again, and its container is ready. `errors`: how long users see errors; with other
    pods beside it, only the users who are sent to this one.
    """

    detected: Bounds | None
    out: Bounds | None
    back: Bounds | None
    errors: Bounds | None


def impact(target: CheckTarget, mode: FailureMode, killing: Bounds) -> Impact:
    """Derive how a failure of a container that was ready goes on; `killing` is from SIGTERM to its end."""
    begun = start(target)
    detected, ended = _detected_and_ended(target, begun, mode, killing)
    restarted = ended and _restarted(target, mode, ended, killing)
    later = _next_start(target, begun)
    ready = within_start(target, later, ready_after_start(target, mode, _unguarded(target, mode)))
    if ready is None or begun.ready is None:
        return Impact(detected, None, None, None)
    out = _out(target, mode, ended, killing)
    app = within_start(target, later, listens(target), asked=False)
    answering = restarted and app and _sum(restarted, app)
    back = restarted and app and _sum(restarted, Bounds(max(ready.best, app.best), max(ready.worst, app.worst)))
    if back and _unguarded(target, mode) != AT_ONCE:
        back = Bounds(back.best, back.worst + _killed_twice(target, killing))
    if not target.readiness_counts:
        return Impact(detected, out, back, answering)
    if target.pods is not None and target.pods <= 1:
        return Impact(detected, out, back, back if _waits_to_be_ready(target) else answering)
    if out and answering and _stays_ready(target, mode):  # it gets requests while it starts, at first
        return Impact(detected, out, back, Bounds(min(out.best, answering.best), min(out.worst, answering.worst)))
    return Impact(detected, out, back, out if _waits_to_be_ready(target) or restarted is None else answering)


def _next_start(target: CheckTarget, begun: Start) -> Start:
    """Return what ends the start after a kill: where its startup probe doesn't guard it, liveness comes sooner."""
    liveness, late = target.container.liveness_probe, unguarded(target)
    if not late or not begun.in_vain or liveness is None or begun.killed is None or begun.by is ProbeType.STARTUP:
        return begun
    least = min(begun.killed.best, first_failure(liveness, ProbeFailure.REFUSE).best)
    return replace(begun, killed=Bounds(least, begun.killed.worst + late))


def _detected_and_ended(
    target: CheckTarget, begun: Start, mode: FailureMode, killing: Bounds
) -> tuple[Bounds | None, Bounds | None]:
    """Bound when the kubelet has decided to restart the container, and when it has ended."""
    if mode is FailureMode.EXIT:
        return _SYNC, Bounds(0.0, RELIST + _pre_stop_after_exit(target, begun))
    if begun.in_vain and begun.ready and begun.killed and begun.ended:  # it is killed in any case, or is already
        left = max(begun.killed.worst + RELIST - begun.ready.best, 0.0)
        return Bounds(0.0, left), Bounds(0.0, max(begun.ended.worst - begun.ready.best, 0.0))
    probed = begun.by is not None or target.container.startup_probe is None
    detected = noticed(target, ProbeType.LIVENESS, mode) if probed else None
    # The kill waits for the sync, and the sync for its tick.
    return detected, detected and _sum(detected, _SYNC, killing)


def _out(target: CheckTarget, mode: FailureMode, ended: Bounds | None, killing: Bounds) -> Bounds | None:
    """Bound when the pod is no longer ready.

    A kill and a start within one sync are published as one: without a probe to pass, it was ready all the time.
    """
    early = Bounds(0.0, _unguarded(target, mode).worst) if _stays_ready(target, mode) else AT_ONCE
    if mode is FailureMode.EXIT:
        return ended if ended == _SYNC and early is AT_ONCE else ended and _sum(ended, early, _SYNC)
    unready = _waits_to_be_ready(target) or stays_ended(target)
    seen = noticed(target, ProbeType.READINESS, mode)
    published = ended and _sum(ended, early, _SYNC) if unready else None
    if ended and not unready and _ends_its_job(target):
        published = _sum(ended, _SYNC, killing, _SYNC)  # it is restarted, and then deleted
    if seen is None or published is None:
        return seen or published
    return Bounds(min(seen.best, published.best), min(seen.worst, published.worst))


def _restarted(target: CheckTarget, mode: FailureMode, ended: Bounds, killing: Bounds) -> Bounds | None:
    """Bound when the process runs again that has `ended`, or the one of the pod in its place."""
    limit = backoff_limit(target)
    if stays_ended(target):
        if limit is None and target.workload.kind != "Pod" and len(target.template.containers) == 1:
            return _sum(ended, _SUCCESSOR)
        return _sum(ended, REPLACED) if limit else None
    if _ends_its_job(target) or (mode is FailureMode.EXIT and ends_well(target)):
        return None
    return Bounds(ended.best, ended.worst + _killed_at_start(target, killing)) if mode is FailureMode.EXIT else ended


def _ends_its_job(target: CheckTarget) -> bool:
    """Return whether the first restart is one too many for the Job, which fails."""
    limit = backoff_limit(target)
    return target.template.restart_policy == "OnFailure" and limit is not None and limit <= 1


def stays_ended(target: CheckTarget) -> bool:
    """Return whether a container that has failed, or was killed, is not started again, whichever its exit code was."""
    template, container, profile = target.template, target.container, target.profile
    never = restart_policy(template, container, profile) == "Never"
    return never and not all(restarts_after(template, container, code, profile) for code in _FAILED)


def ends_well(target: CheckTarget) -> bool:
    """Return whether a container is known to end by itself with an exit code after which it is not started again."""
    ends = "KILL_IN_SECONDS" in target.env.failures
    return ends and not restarts_after(target.template, target.container, target.env.exit_code, target.profile)


def _waits_to_be_ready(target: CheckTarget) -> bool:
    """Return whether a container that runs has a probe to pass before it is ready."""
    return bool(target.container.readiness_probe or target.container.startup_probe)


def _unguarded(target: CheckTarget, mode: FailureMode) -> Bounds:
    """Bound how long the container after a failure counts as started before its startup probe is asked.

    Only one that was killed is followed by such a one, in the same pod; and after an exit, one that a liveness probe
    has killed before its end was seen.
    """
    most = float(unguarded(target))
    if not most or stays_ended(target):
        return AT_ONCE
    if mode is FailureMode.EXIT:
        return Bounds(0.0, most) if _kills_the_dead(target) else AT_ONCE
    return Bounds(most, most)


def _stays_ready(target: CheckTarget, mode: FailureMode) -> bool:
    """Return whether the pod is ready at first after the kill: nothing but its startup probe says that it isn't."""
    return target.container.readiness_probe is None and _unguarded(target, mode) != AT_ONCE


def _kills_the_dead(target: CheckTarget) -> bool:
    probe = target.container.liveness_probe
    return probe is not None and probe.failure_threshold == 1 and notices(target, probe, FailureMode.EXIT)


def _killed_twice(target: CheckTarget, killing: Bounds) -> float:
    """Return how much longer it takes if liveness kills two starts that no startup probe guards; 0 if it can't.

    The third one comes after a back-off, in which the status says that nothing runs: it is guarded.
    """
    liveness, safe = target.container.liveness_probe, liveness_spares(target)
    if liveness is None or safe >= unguarded(target) or waits_for(target, liveness).worst <= safe:
        return 0.0
    late = unguarded(target) + liveness.timeout_seconds
    wait = crash_loop_backoff().initial * 1.5 + WORK_QUEUE_SECONDS
    return 2 * (late + RELIST + killing.worst) + wait + RELIST


def backoff_limit(target: CheckTarget) -> int | None:
    """Return the backoffLimit of the Job that a container belongs to; None for another workload."""
    match target.workload.object:
        case Job() as job:
            return job.backoff_limit
        case CronJob(job=job):
            return job.backoff_limit
    return None


def _killed_at_start(target: CheckTarget, killing: Bounds) -> float:
    """Return how much longer the next start can take because liveness kills the first one after an exit; 0 if it can't.

    A probe between the exit and the relist fails, and its failure counts for the new container.
    """
    probe = target.container.liveness_probe
    if probe is None or target.container.startup_probe is not None or probe.failure_threshold < 2:
        return 0.0
    if start(target).in_vain:  # every start is killed: that is no delay of it
        return 0.0
    if not notices(target, probe, FailureMode.EXIT):
        return 0.0
    safe = first_probe(probe).best + (probe.failure_threshold - 2) * probe.period_seconds
    if waits_for(target, probe).worst <= safe:
        return 0.0
    killed = first_failure(probe, ProbeFailure.REFUSE).worst + RELIST + killing.worst
    return killed + crash_loop_backoff().initial + WORK_QUEUE_SECONDS + RELIST


def _pre_stop_after_exit(target: CheckTarget, begun: Start) -> float:
    """Return how long a preStop sleep can delay a restart after an exit.

    A liveness probe that one failure ends may fail between the exit and the relist: then what has ended is killed too.
    Or it ends while it is killed.
    """
    probe, hook = target.container.liveness_probe, target.container.lifecycle.pre_stop
    if probe is None or not isinstance(hook, Sleep) or (probe.failure_threshold > 1 and not begun.in_vain):
        return 0.0
    grace = grace_period(target.template.termination_grace_period_seconds, KillReason.LIVENESS, target.container)
    return min(hook.seconds, grace) if begun.in_vain or notices(target, probe, FailureMode.EXIT) else 0.0


def _sum(*parts: Bounds) -> Bounds:
    return Bounds(sum(part.best for part in parts), sum(part.worst for part in parts))
