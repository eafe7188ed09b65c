"""How long a container's start may take, when its probes end it, and when it is ready. All in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from crashy.check.outcomes import FailureMode, Verdict, hook_seconds, notices, outcome
from crashy.check.targets import CheckTarget
from crashy.kubelet.detection import Bounds, first_failure, first_probe
from crashy.kubelet.detection import Illness as ProbeFailure
from crashy.kubelet.versions import NEWEST
from crashy.objects.images import is_patient
from crashy.objects.pod import Probe, ProbeType

RELIST = NEWEST.relist_seconds
"""The kubelet looks at its containers, and syncs a pod again, on a grid of so many seconds."""


AT_ONCE = Bounds(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Start:
    """How long a start may take: `safe` seconds are always granted, and after `killed` the probe `by` has ended it.

    None: no probe ends it. `ready` is when a container becomes ready after its start; it never does if that is None.
    """

    safe: float | None
    killed: Bounds | None
    by: ProbeType | None
    ready: Bounds | None


@lru_cache(maxsize=16)  # asked for by each failure mode and several rules
def start(target: CheckTarget) -> Start:
    """Return how long a start may take, and when its probes end it."""
    ready = ready_after_start(target)
    kind = next((kind for kind in (ProbeType.STARTUP, ProbeType.LIVENESS) if kind in target.probes), None)
    # A probe that errs is never counted, so neither does it end a start, nor begin what waits for it.
    if kind is None or outcome(target, target.probes[kind]).verdict is Verdict.ERRS:
        return Start(None, None, None, ready)
    probe = target.probes[kind]
    # No probe begins before the container is known to run, which is after its postStart hook.
    hook = max(hook_seconds(target.container.lifecycle.post_start)[0] - probe.initial_delay_seconds, 0.0)
    safe = first_probe(probe).best + (probe.failure_threshold - 1) * probe.period_seconds
    quick, slow = first_failure(probe, ProbeFailure.REFUSE), first_failure(probe, ProbeFailure.HANG)
    killed = Bounds(quick.best, slow.worst + hook)
    ends = waits_for(target, probe).worst > quick.worst + hook  # until it listens, a start is refused at once
    return Start(safe, killed, kind, None if ends else ready)


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
    if not is_patient(target.container.image) and outcome(target, probe, FailureMode.EXIT).verdict is Verdict.PASSES:
        return Bounds(0.0, 0.0)
    path = getattr(probe.handler, "path", "")
    if "read" in path or probe is target.container.readiness_probe:
        return Bounds(target.env.least_readies, target.env.readies)
    return listens(target)


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
    hook = hook_seconds(target.container.lifecycle.post_start)[0]
    reached = Bounds(hook, hook)
    startup, readiness = target.container.startup_probe, target.container.readiness_probe
    if startup is not None:
        gate = Bounds(reached.best + unguarded.best, reached.worst + unguarded.worst)
        if (passed := _first_success(target, startup, ProbeType.STARTUP, gate)) is None:
            return None
        reached = Bounds(passed.best, passed.worst + RELIST)
    if readiness is None or (first := _first_success(target, readiness, ProbeType.READINESS, reached)) is None:
        return None if readiness else reached
    late = outcome(target, readiness).seconds
    streak = (readiness.success_threshold - 1) * max(readiness.period_seconds, late)
    fails = after is None or notices(target, readiness, after)
    return Bounds(first.best, first.worst + (streak if fails else 0.0))  # each sync may add a probe to a streak


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
