"""How a container's failure goes on: when it is detected, who sees errors, when it has recovered. All in seconds.

Each time is a lower and an upper bound, or None for never. They hold for the newest kubelet and a first failure,
without back-off (see `waits`). Unknown times count as 0: the runtime's time to start a container, and the app's to
start in it, unless the patient's variables set it. Only one container of a pod fails at a time: a kill blocks the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from crashy.check import programs
from crashy.check.targets import CheckTarget
from crashy.kubelet.backoff import WORK_QUEUE_SECONDS, crash_loop_backoff
from crashy.kubelet.detection import Bounds, detection, first_failure, first_probe
from crashy.kubelet.detection import Illness as ProbeFailure
from crashy.kubelet.grace import KillReason, grace_after_pre_stop, grace_period, runs_pre_stop
from crashy.kubelet.versions import NEWEST
from crashy.objects.pod import Container, Exec, Handler, Probe, ProbeType, Sleep, TCPSocket

RELIST = NEWEST.relist_seconds
"""The kubelet looks at its containers, and syncs a pod again, on a grid of so many seconds."""
AT_ONCE = Bounds(0.0, 0.0)


class FailureMode(StrEnum):
    """How a container fails: its process ends, it answers with errors, or it never answers."""

    EXIT = "exit"
    ERRORS = "errors"
    HANG = "hang"


@dataclass(frozen=True, slots=True)
class Impact:
    """When a failure is detected and recovered from, in seconds since its onset.

    `detected`: the kubelet has decided to restart the container. `out`: readiness has taken the pod out of its
    Services. `back`: the app listens again, and its container is ready. `errors`: how long users see errors;
    with other pods beside it, only the users who are sent to this one.
    """

    detected: Bounds | None
    out: Bounds | None
    back: Bounds | None
    errors: Bounds | None


@dataclass(frozen=True, slots=True)
class Start:
    """How long a start may take: `safe` seconds are always granted, and after `killed` the probe `by` has ended it.

    None: no probe ends it. `ready` is when a container becomes ready after its start; it never does if that is None.
    """

    safe: float | None
    killed: Bounds | None
    by: ProbeType | None
    ready: Bounds | None


@dataclass(frozen=True, slots=True)
class Numbers:
    """Everything about one container: `probes_per_minute` in a healthy pod, `killing` from SIGTERM to the end."""

    impacts: dict[FailureMode, Impact]
    start: Start
    killing: Bounds
    probes_per_minute: float


def numbers(target: CheckTarget) -> Numbers:
    """Derive the numbers of a container."""
    killing = kill_time(target)
    steady = [p for kind, p in target.probes.items() if kind is not ProbeType.STARTUP]
    return Numbers(
        {mode: _impact(target, mode, killing) for mode in FailureMode},
        start(target),
        killing,
        sum(60 / probe.period_seconds for probe in steady),
    )


def notices(handler: Handler, mode: FailureMode) -> bool:
    """Return whether a handler fails in this failure mode; a command does, unless it is known not to contact the app.

    A TCP handshake is the kernel's: it succeeds while the process behind it answers with errors, or is frozen.
    """
    match handler:
        case TCPSocket():
            return mode is FailureMode.EXIT
        case Exec(command):
            contacts = [argv for argv in programs.programs(command) if programs.name(argv[0]) not in programs.BLIND]
            return mode is FailureMode.EXIT or bool(contacts)
    return True


def noticed(probe: Probe | None, mode: FailureMode) -> Bounds | None:
    """Bound the time from a failure's onset in a healthy container until the probe's failureThreshold is reached."""
    if probe is None or not notices(probe.handler, mode):
        return None
    return detection(probe, ProbeFailure.HANG if mode is FailureMode.HANG else ProbeFailure.REFUSE)


def kill_time(target: CheckTarget, reason: KillReason = KillReason.LIVENESS) -> Bounds:
    """Bound the time from the decision to kill until the process has ended: preStop, SIGTERM, at last SIGKILL.

    At best the process ends at SIGTERM; a frozen one takes all the time there is.
    """
    container = target.container
    grace = grace_period(target.template.termination_grace_period_seconds, reason, container, profile=target.profile)
    if not runs_pre_stop(container, grace):
        return Bounds(0.0, grace_after_pre_stop(grace))
    known = pre_stop_seconds(container)
    hook = min(grace if known is None else known, grace)
    return Bounds(0.0 if known is None else hook, hook + grace_after_pre_stop(grace, hook))


def pre_stop_seconds(container: Container) -> float | None:
    """Return how long a container's preStop hook takes; None if it has none, or its time is unknown."""
    match container.lifecycle.pre_stop:
        case Sleep(seconds):
            return float(seconds)
        case Exec(command):
            return programs.sleeps(command)
    return None


def start(target: CheckTarget) -> Start:
    """Return how long a start may take, and when its probes end it."""
    kind = next((kind for kind in (ProbeType.STARTUP, ProbeType.LIVENESS) if kind in target.probes), None)
    if kind is None:
        return Start(None, None, None, ready_after_start(target))
    probe = target.probes[kind]
    safe = first_probe(probe).best + (probe.failure_threshold - 1) * probe.period_seconds
    quick, slow = first_failure(probe, ProbeFailure.REFUSE), first_failure(probe, ProbeFailure.HANG)
    killed = Bounds(quick.best, slow.worst)
    ends = waits_for(target, probe) > quick.worst  # until it listens, a start is refused at once
    return Start(safe, killed, kind, None if ends else ready_after_start(target))


def waits_for(target: CheckTarget, probe: Probe) -> float:
    """Return the seconds after a start before which a probe can't succeed, as far as that is known."""
    path = getattr(probe.handler, "path", "")
    return target.env.readies if "read" in path or probe is target.container.readiness_probe else target.env.starts


def ready_after_start(target: CheckTarget) -> Bounds | None:
    """Bound the time from a container's start until it is ready; None if its probes' timeouts never let it be.

    Without a probe to pass that is at once, whether the app listens or not.
    """
    reached = AT_ONCE
    startup, readiness = target.container.startup_probe, target.container.readiness_probe
    if startup is not None:
        if (passed := _first_success(target, startup, ProbeType.STARTUP, AT_ONCE)) is None:
            return None
        reached = Bounds(passed.best, passed.worst + (0.0 if readiness else RELIST))
    if readiness is not None:
        return _first_success(target, readiness, ProbeType.READINESS, reached)
    return reached


def waits(life: float = 0.0, *, killed: bool = False, restarts: int = 12) -> tuple[float, ...]:
    """Return how long a container whose every life takes `life` seconds waits before each restart.

    If `killed` by a probe, it starts to wait later: the sync that kills it only knows of the previous end.
    """
    table, now, before = crash_loop_backoff(), 0.0, None
    found = []
    for _ in range(restarts):
        end = now + life
        table.gc(end)
        loop = table.do_backoff(end, "", before if killed else end)
        if loop:
            now = end + table.get("")
            table.gc(now)
            table.do_backoff(now, "", end)
        else:
            now = end
        found.append(now - end)
        before = end
    return tuple(found)


def _first_success(target: CheckTarget, probe: Probe, kind: ProbeType, gate: Bounds) -> Bounds | None:
    """Bound when a probe has succeeded for good after a start: within every period there is a probe.

    A probe that began in vain may take its whole timeout; extra ones come while a container is not ready.
    """
    late = target.env.latency.get(kind, 0.0)
    if late >= probe.timeout_seconds:
        return None
    well, delay = waits_for(target, probe), probe.initial_delay_seconds
    begin = Bounds(max(first_probe(probe).best, gate.best, well), max(delay, gate.worst, well))
    streak = (probe.success_threshold - 1) * max(probe.period_seconds, late)
    return Bounds(begin.best + late, begin.worst + max(probe.period_seconds, probe.timeout_seconds) + streak + late)


def _impact(target: CheckTarget, mode: FailureMode, killing: Bounds) -> Impact:
    container, readiness = target.container, target.container.readiness_probe
    if mode is FailureMode.EXIT:
        detected: Bounds | None = Bounds(0.0, RELIST)
        restarted = detected
    else:
        detected = noticed(container.liveness_probe, mode)
        # The kill waits for the sync, and the sync for its tick.
        restarted = detected and _sum(detected, Bounds(0.0, RELIST), killing)
    out = _earlier(noticed(readiness, mode), restarted) if readiness else None
    if target.template.restart_policy == "Never" and not container.restart_policy:
        restarted = None
    elif mode is FailureMode.EXIT:
        restarted = Bounds(0.0, RELIST + _killed_at_start(target, killing))
    listens, ready = target.env.starts, start(target).ready
    answering = restarted and Bounds(restarted.best + listens, restarted.worst + listens)
    back = None
    if restarted and ready:
        back = _sum(restarted, Bounds(max(ready.best, listens), max(ready.worst, listens)))
    others = target.pods is None or target.pods > 1
    routed = out if others else back
    errors = routed if readiness and target.readiness_counts else answering
    return Impact(detected, out, back, errors)


def _killed_at_start(target: CheckTarget, killing: Bounds) -> float:
    """Return how much longer the next start can take because liveness kills the first one after an exit; 0 if it can't.

    A probe between the exit and the relist fails, and its failure counts for the new container.
    """
    probe = target.container.liveness_probe
    if probe is None or target.container.startup_probe is not None or probe.failure_threshold < 2:
        return 0.0
    safe = first_probe(probe).best + (probe.failure_threshold - 2) * probe.period_seconds
    if waits_for(target, probe) <= safe:
        return 0.0
    killed = first_failure(probe, ProbeFailure.REFUSE).worst + RELIST + killing.worst
    return killed + crash_loop_backoff().initial + WORK_QUEUE_SECONDS + RELIST


def _earlier(one: Bounds | None, other: Bounds | None) -> Bounds | None:
    if one is None or other is None:
        return one or other
    return Bounds(min(one.best, other.best), min(one.worst, other.worst))


def _sum(*parts: Bounds) -> Bounds:
    return Bounds(sum(part.best for part in parts), sum(part.worst for part in parts))
