"""The numbers of a container: what becomes of its failures and its start, how long a kill takes. All in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from crashy.check.impacts import Impact, impact
from crashy.check.outcomes import FailureMode, hook_seconds
from crashy.check.starts import Start, start
from crashy.check.targets import CheckTarget
from crashy.kubelet.backoff import crash_loop_backoff
from crashy.kubelet.detection import Bounds
from crashy.kubelet.grace import KillReason, grace_after_pre_stop, grace_period, runs_pre_stop
from crashy.kubelet.restarts import restart_policy
from crashy.objects.pod import Container, ProbeType


@dataclass(frozen=True, slots=True)
class Numbers:
    """Everything about one container: `probes_per_minute` in a healthy pod, `killing` from SIGTERM to the end."""

    impacts: dict[FailureMode, Impact]
    start: Start
    killing: Bounds
    probes_per_minute: float


@lru_cache(maxsize=16)  # several rules ask for those of one container
def numbers(target: CheckTarget) -> Numbers:
    """Derive the numbers of a container."""
    # Without another container nothing is kept of a pod that is not restarted, and the whole of it is killed.
    policy = restart_policy(target.template, target.container, target.profile)
    whole = policy == "Never" and len(target.template.containers) == 1
    killing = kill_time(target, KillReason.OTHER if whole else KillReason.LIVENESS)
    return Numbers(
        {mode: impact(target, mode, killing) for mode in FailureMode},
        start(target),
        killing,
        probes_per_minute(target),
    )


def probes_per_minute(target: CheckTarget) -> float:
    """Return how often a healthy container is probed."""
    return sum(60 / probe.period_seconds for kind, probe in target.probes.items() if kind is not ProbeType.STARTUP)


def kill_time(target: CheckTarget, reason: KillReason = KillReason.LIVENESS) -> Bounds:
    """Bound the time from the decision to kill until the process has ended: preStop, SIGTERM, at last SIGKILL.

    At best the process ends at SIGTERM; a frozen one takes all the time there is.
    """
    container = target.container
    grace = grace_period(target.template.termination_grace_period_seconds, reason, container, profile=target.profile)
    if not runs_pre_stop(container, grace):
        return Bounds(0.0, grace_after_pre_stop(grace))
    seconds, known = hook_seconds(container.lifecycle.pre_stop)
    least = min(seconds, grace)
    most = least if known else grace
    return Bounds(least, most + grace_after_pre_stop(grace, most))


def pre_stop_seconds(container: Container) -> float | None:
    """Return how long a container's preStop hook takes; None if it has none, or its time is unknown."""
    seconds, known = hook_seconds(container.lifecycle.pre_stop)
    return seconds if known and container.lifecycle.pre_stop else None


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
