"""How long a container goes on after the kubelet has decided to kill it: preStop, SIGTERM, SIGKILL. All in seconds.

Until its process has ended, readiness is asked and counts; liveness and startup are not (kubernetes#123027, #124791).
"""

from __future__ import annotations

from crashy.check.outcomes import hook_seconds
from crashy.check.targets import CheckTarget
from crashy.kubelet.detection import Bounds
from crashy.kubelet.grace import KillReason, grace_after_pre_stop, grace_period, runs_pre_stop
from crashy.kubelet.restarts import restart_policy
from crashy.objects.pod import Container, ProbeType


def kill_time(target: CheckTarget, reason: KillReason = KillReason.LIVENESS) -> Bounds:
    """Bound the time from the decision to kill until the process has ended: preStop, SIGTERM, at last SIGKILL.

    At best the process ends at SIGTERM; a frozen one takes all the time there is.
    """
    hook, left = _hook_and_grace(target, reason)
    return Bounds(hook.best, hook.worst + left)


def kill_reason(target: CheckTarget, kind: ProbeType = ProbeType.LIVENESS) -> KillReason:
    """Return the reason for which a failed probe's kill has its grace period.

    Without another container nothing is kept of a pod that is not restarted, and the whole of it is killed.
    """
    policy = restart_policy(target.template, target.container, target.profile)
    if policy == "Never" and len(target.template.containers) == 1:
        return KillReason.OTHER
    return KillReason.STARTUP if kind is ProbeType.STARTUP else KillReason.LIVENESS


def goes_on(target: CheckTarget, reason: KillReason) -> Bounds:
    """Bound the time from the decision to kill until a container that starts answers its probes no more.

    The patient obeys SIGTERM: it ends while it warms up, and is not ready any more later. What another app does then
    is unknown, unless its model says how long it drains; the shell before it doesn't heed SIGTERM.
    """
    hook, left = _hook_and_grace(target, reason)
    if target.env.obeys:
        return hook
    if (drains := target.env.drains) is not None:
        longest = left if target.env.sleeps else min(drains.worst, left)
        return Bounds(hook.best + min(drains.best, left), hook.worst + longest)
    return Bounds(hook.best, hook.worst + left)


def pre_stop_seconds(container: Container) -> float | None:
    """Return how long a container's preStop hook takes; None if it has none, or its time is unknown."""
    seconds, known = hook_seconds(container.lifecycle.pre_stop)
    return seconds if known and container.lifecycle.pre_stop else None


def _hook_and_grace(target: CheckTarget, reason: KillReason) -> tuple[Bounds, float]:
    """Bound the time of the preStop hook, and return the seconds from SIGTERM to SIGKILL if the hook takes longest."""
    container = target.container
    grace = grace_period(target.template.termination_grace_period_seconds, reason, container, profile=target.profile)
    if not runs_pre_stop(container, grace):
        return Bounds(0.0, 0.0), grace_after_pre_stop(grace)
    seconds, known = hook_seconds(container.lifecycle.pre_stop)
    least = min(seconds, grace)
    most = least if known else grace
    return Bounds(least, most), grace_after_pre_stop(grace, most)
