"""How long a container's start may take, when its probes end it, and when it is ready. All in seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

from crashy.check.outcomes import FailureMode, Verdict, hook_seconds, notices, outcome
from crashy.check.stops import goes_on, kill_reason, kill_time
from crashy.check.targets import CheckTarget
from crashy.kubelet.backoff import RESYNC_SECONDS
from crashy.kubelet.detection import Bounds, first_failure, first_probe
from crashy.kubelet.detection import Illness as ProbeFailure
from crashy.kubelet.versions import NEWEST
from crashy.objects.images import is_patient
from crashy.objects.pod import GRPC, Exec, Probe, ProbeType, TCPSocket

RELIST = NEWEST.relist_seconds
"""The kubelet looks at its containers, and syncs a pod again, on a grid of so many seconds."""
_RESYNC = 1.5 * RESYNC_SECONDS
"""Seconds until a pod's next sync at the latest, if nothing asks for one."""


AT_ONCE = Bounds(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Start:
    """How long a start may take: `safe` seconds are always granted, and after `killed` the probe `by` has ended it.

    None: no probe ends it. `ended` is when the container has ended then, after preStop and its grace period; in vain if
    `by` can't succeed in time, so that it ends every start. `ready` is when a container becomes ready after its start,
    be it while it is killed; it never does if that is None, and maybe never if there is no end of it (inf).
    """

    safe: float | None
    killed: Bounds | None
    by: ProbeType | None
    ready: Bounds | None
    ended: Bounds | None = None
    in_vain: bool = False


@lru_cache(maxsize=16)  # asked for by each failure mode and several rules
def start(target: CheckTarget) -> Start:
    """Return how long a start may take, and when its probes end it."""
    kind = next((kind for kind in (ProbeType.STARTUP, ProbeType.LIVENESS) if kind in target.probes), None)
    # A probe that errs is never counted, so neither does it end a start, nor begin what waits for it.
    if kind is None or outcome(target, target.probes[kind]).verdict is Verdict.ERRS:
        return Start(None, None, None, ready_after_start(target))
    probe = target.probes[kind]
    # No probe begins before the container is known to run, which is after its postStart hook.
    hook = max(hook_seconds(target.container.lifecycle.post_start)[0] - probe.initial_delay_seconds, 0.0)
    safe = first_probe(probe).best + (probe.failure_threshold - 1) * probe.period_seconds
    quick, slow = first_failure(probe, ProbeFailure.REFUSE), first_failure(probe, ProbeFailure.HANG)
    late = _published(target) + (0.0 if kind is ProbeType.LIVENESS or target.profile.startup_failure_syncs else _RESYNC)
    killed = Bounds(quick.best, slow.worst + hook + late)
    stop = kill_time(target, kill_reason(target, kind))
    ended = Bounds(killed.best + stop.best, killed.worst + RELIST + stop.worst)
    # Until it listens, a start is refused at once; a failed probe that waits for its sync is asked no more.
    in_vain = not succeeds(target, kind) or waits_for(target, probe).best > quick.worst + hook
    begun = Start(safe, killed, kind, None, ended, in_vain)
    if kind is ProbeType.STARTUP and not in_vain and waits_for(target, probe).worst <= safe:
        begun = _ended_by_liveness(target) or begun
    return replace(begun, ready=within_start(target, begun, ready_after_start(target)))


def _ended_by_liveness(target: CheckTarget) -> Start | None:
    """Return what liveness makes of a first start that its startup probe grants; None if liveness can succeed."""
    probe, started = target.container.liveness_probe, _counts_as_started(target, AT_ONCE)
    if probe is None or started is None or succeeds(target, ProbeType.LIVENESS):
        return None
    well = outcome(target, probe)
    if well.verdict is Verdict.ERRS:
        return None
    takes = min(max(target.env.latency.get(ProbeType.LIVENESS, 0.0), well.seconds), float(probe.timeout_seconds))
    streak = (probe.failure_threshold - 1) * max(probe.period_seconds, takes) + takes
    least = max(started.best, first_probe(probe).best) + streak
    killed = Bounds(least, max(started.worst, probe.initial_delay_seconds) + probe.period_seconds + streak)
    stop = kill_time(target, kill_reason(target))
    ended = Bounds(least + stop.best, killed.worst + RELIST + stop.worst)
    return Start(least, killed, ProbeType.LIVENESS, None, ended, in_vain=True)


def within_start(target: CheckTarget, begun: Start, moment: Bounds | None, *, asked: bool = True) -> Bounds | None:
    """Bound what comes at a moment of a start, which a probe may end before: None for never, inf for maybe never.

    What is `asked` for by a probe doesn't come after a failed startup probe, as nothing is probed any more.
    """
    if moment is None or begun.by is None or begun.killed is None or begun.safe is None:
        return moment
    if not begun.in_vain and waits_for(target, target.probes[begun.by]).worst <= begun.safe:
        return moment
    asked = asked and begun.by is ProbeType.STARTUP
    goes = Bounds(0.0, 0.0) if asked else goes_on(target, kill_reason(target, begun.by))
    if moment.worst <= begun.killed.best + goes.best and not (asked and begun.in_vain):
        return moment
    if begun.in_vain and (asked or moment.best >= begun.killed.worst + RELIST + goes.worst):
        return None
    return Bounds(moment.best, math.inf)


def succeeds(target: CheckTarget, kind: ProbeType) -> bool:
    """Return whether a probe succeeds, once its app has started and is well."""
    probe, latency = target.probes[kind], target.env.latency.get(kind, 0.0)
    well = outcome(target, probe)
    return well.verdict is Verdict.PASSES and max(latency, well.seconds) < probe.timeout_seconds


def _published(target: CheckTarget) -> float:
    """Return how long a start may take to be published, before which nothing is probed."""
    return RELIST if target.profile.publishes_running_at_relist else 0.0


def unguarded(target: CheckTarget) -> int:
    """Return for how long at most a container that follows a killed one counts as started before it has (seconds).

    That is the startup probe's period: until its worker looks again, and sees that the container is another one.
    kubernetes#141155
    """
    startup = target.container.startup_probe
    return startup.period_seconds if startup is not None and target.profile.inherits_started else 0


def liveness_spares(target: CheckTarget) -> float:
    """Return how many seconds of such a start liveness grants for sure; all of them if it can't end it."""
    liveness, most = target.container.liveness_probe, float(unguarded(target))
    if liveness is None or outcome(target, liveness, FailureMode.EXIT).verdict is not Verdict.FAILS:
        return most
    return min(first_probe(liveness).best + (liveness.failure_threshold - 1) * liveness.period_seconds, most)


def listens(target: CheckTarget) -> Bounds:
    """Bound the time from a start until the app listens, as far as that is known."""
    return Bounds(target.env.least_starts, target.env.starts)


def waits_for(target: CheckTarget, probe: Probe) -> Bounds:
    """Bound the time from a start before which a probe can't succeed, as far as that is known."""
    handler, file = probe.handler, ""
    if isinstance(handler, Exec) and is_patient(target.container.image):  # is_healthy is there from the start
        file = next((word for word in handler.command if "is_ready" in word), "")
    if not file and outcome(target, probe, FailureMode.EXIT).verdict is Verdict.PASSES:  # it asks nobody
        return AT_ONCE
    if file or _asks_readiness(target, probe):
        return Bounds(target.env.least_readies, target.env.readies)
    return listens(target)


def _asks_readiness(target: CheckTarget, probe: Probe) -> bool:
    """Return whether a probe asks what READY_AFTER puts off: the patient's readiness, as far as that is known."""
    readiness, handler = probe is target.container.readiness_probe, probe.handler
    if isinstance(handler, TCPSocket):
        return False
    if target.env.settings is None or isinstance(handler, Exec):
        return readiness or "read" in getattr(handler, "path", "")
    from crashy.patient import probes, routes  # noqa: PLC0415 - few containers are the patient

    if isinstance(handler, GRPC):
        return probes.GRPC_SERVICES.get(handler.service) == "readiness"
    return probes.PROBE_ROUTES.get(routes.route(handler.path)) == "readiness"


def ready_after_start(
    target: CheckTarget, after: FailureMode | None = None, unguarded: Bounds = AT_ONCE
) -> Bounds | None:
    """Bound the time from a container's start until it is ready; None if it never is, however well its app is.

    Without a probe to pass that is at once, whether the app listens or not. `after` is how the container before it
    failed: the successes that it had count, unless a probe failed since. For `unguarded` seconds it counts as started
    (see `unguarded`): only then its startup probe begins.
    """
    if target.template.readiness_gates:  # nobody sets the conditions
        return None
    readiness = target.container.readiness_probe
    if (reached := _counts_as_started(target, unguarded)) is None:
        return None
    if readiness is None or (first := _first_success(target, readiness, ProbeType.READINESS, reached)) is None:
        return None if readiness else reached
    late = outcome(target, readiness).seconds
    streak = (readiness.success_threshold - 1) * max(readiness.period_seconds, late)
    fails = after is None or notices(target, readiness, after)
    return Bounds(first.best, first.worst + (streak if fails else 0.0))  # each sync may add a probe to a streak


def _counts_as_started(target: CheckTarget, unguarded: Bounds) -> Bounds | None:
    """Bound when a start is known as such, after a startup probe's success; None for never. See ready_after_start."""
    hook = hook_seconds(target.container.lifecycle.post_start)[0]
    startup, readiness = target.container.startup_probe, target.container.readiness_probe
    reached = Bounds(hook, hook + (_published(target) if startup or readiness else 0.0))
    if startup is None:
        return reached
    gate = Bounds(reached.best + unguarded.best, reached.worst + unguarded.worst)
    passed = _first_success(target, startup, ProbeType.STARTUP, gate)
    return passed and Bounds(passed.best, passed.worst + RELIST)


def _first_success(target: CheckTarget, probe: Probe, kind: ProbeType, gate: Bounds) -> Bounds | None:
    """Bound when a probe succeeds first after a start, and after its `gate` has opened: in every period there is one.

    A probe that began in vain may take its whole timeout; extra ones come while a container is not ready.
    """
    well = outcome(target, probe)
    late = max(target.env.latency.get(kind, 0.0), well.seconds)
    if well.verdict is not Verdict.PASSES or late >= probe.timeout_seconds:
        return None
    can, delay = waits_for(target, probe), probe.initial_delay_seconds
    best = max(first_probe(probe).best, gate.best, can.best)
    startup = target.container.startup_probe
    delayed = gate.best <= delay and (startup is None or startup.initial_delay_seconds < delay)
    # What a sync finds started, it probes for readiness at once.
    triggered = target.profile.triggers_readiness and kind is ProbeType.READINESS and startup is not None
    at_once = triggered and not delayed and can.worst <= gate.best
    wait = 0.0 if at_once else max(probe.period_seconds, probe.timeout_seconds)
    return Bounds(best + late, max(delay, gate.worst, can.worst) + wait + late)
