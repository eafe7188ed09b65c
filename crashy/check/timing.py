"""Traps in how often a probe asks, how long it waits, and how long a container has to start and to end."""

from __future__ import annotations

import math
from collections.abc import Iterator

from crashy.check.model import Hit, Severity
from crashy.check.numbers import probes_per_minute
from crashy.check.starts import Start, listens, start, succeeds, waits_for, within_start
from crashy.check.stops import kill_time, pre_stop_seconds
from crashy.check.targets import CheckTarget
from crashy.kubelet.grace import KillReason, grace_period
from crashy.objects import programs
from crashy.objects.pod import Exec, ProbeType

LONG_DELAY = 30  # seconds; a shorter one is not worth a startup probe
LONG_GRACE = 10  # seconds that a frozen container delays its restart
DEFAULT_GRACE = 30  # seconds that a pod has to end, if its manifest does not say
BUSY = 600  # probes a minute of one workload
DEAR_SHARE = 0.1  # of a period; a probe that takes more is expensive


def slow_start_killed(target: CheckTarget) -> Iterator[Hit]:
    """Find starts that are known to take longer than the probes grant, always or sometimes."""
    granted = start(target)
    if granted.by is None or granted.safe is None or granted.killed is None:
        return
    needs = waits_for(target, target.probes[granted.by])
    if needs.worst <= granted.safe or not succeeds(target, granted.by):
        return
    text = (
        f"its start takes {needs.worst:g} s, {granted.by} grants {granted.safe:g} s for sure "
        f"and kills after {granted.killed.best:g} to {granted.killed.worst:g} s: "
    )
    path = target.field(f"{granted.by.field}.failureThreshold")
    if granted.in_vain:
        yield Hit(path, text + _in_vain(target, granted))
    else:
        yield Hit(path, f"{text}it depends on timing", Severity.WARNING)


def _in_vain(target: CheckTarget, begun: Start) -> str:
    """Return what becomes of a start that a probe always ends: it may finish while it is killed."""
    if begun.by is ProbeType.STARTUP:
        return "it is never ready"
    done = begun.ready
    if target.container.readiness_probe is None:  # it is ready at once, and of no use until it listens
        done = within_start(target, begun, listens(target), asked=False)
    if done is None or begun.ended is None:
        return "it never starts"
    what = "it is ready" if target.container.readiness_probe else "it listens"
    ended = f"has ended {begun.ended.best:g} to {begun.ended.worst:g} s after each start"
    if done.worst == math.inf:
        return f"{what} after {done.best:g} s at the earliest, if it takes so long to end; it {ended}"
    return f"{what} only while it is killed, after {done.best:g} to {done.worst:g} s; it {ended}"


def slow_answer(target: CheckTarget) -> Iterator[Hit]:
    """Find probes that are known to be answered later than they wait."""
    effects = {
        ProbeType.READINESS: "it never becomes ready",
        ProbeType.LIVENESS: "it is restarted again and again",
    }
    for kind, late in target.env.latency.items():
        probe = target.container.probe(kind)
        if probe is not None and late >= probe.timeout_seconds:
            text = f"{kind} is answered after {late:g} s, timeoutSeconds is {probe.timeout_seconds}: {effects[kind]}"
            yield Hit(target.field(f"{kind.field}.timeoutSeconds"), text)


def delay_instead_of_startup(target: CheckTarget) -> Iterator[Hit]:
    """Find a long initialDelaySeconds of liveness without a startup probe."""
    liveness = target.container.liveness_probe
    if target.container.startup_probe is None and liveness and liveness.initial_delay_seconds >= LONG_DELAY:
        text = f"a hang in the first {liveness.initial_delay_seconds} s of each start is not seen"
        yield Hit(target.field("livenessProbe.initialDelaySeconds"), text)


def liveness_before_readiness(target: CheckTarget) -> Iterator[Hit]:
    """Find liveness probes that end a start before readiness is asked for the first time."""
    liveness, readiness = target.container.liveness_probe, target.container.readiness_probe
    if liveness is None or readiness is None or target.container.startup_probe is not None:
        return
    granted = start(target)
    if granted.safe is not None and granted.killed and granted.safe < readiness.initial_delay_seconds:
        text = f"liveness ends a start after {granted.killed.best:g} to {granted.killed.worst:g} s"
        text += f"; readiness is asked only after {readiness.initial_delay_seconds} s"
        if granted.ended and readiness.initial_delay_seconds < granted.ended.worst:
            text += f", and may succeed while it is killed: it has ended {granted.ended.worst:g} s after its start"
        yield Hit(target.field("livenessProbe.initialDelaySeconds"), text)


def timeout_over_period(target: CheckTarget) -> Iterator[Hit]:
    """Find timeouts above their period."""
    for kind, probe in target.probes.items():
        if probe.timeout_seconds > probe.period_seconds:
            text = f"timeoutSeconds {probe.timeout_seconds} is more than periodSeconds {probe.period_seconds}"
            yield Hit(target.field(f"{kind.field}.timeoutSeconds"), text)


def one_failure_kills(target: CheckTarget) -> Iterator[Hit]:
    """Find a liveness probe with a threshold of one."""
    liveness = target.container.liveness_probe
    if liveness and liveness.failure_threshold == 1:
        text = f"one answer later than {liveness.timeout_seconds} s restarts the container"
        yield Hit(target.field("livenessProbe.failureThreshold"), text)


def slow_return(target: CheckTarget) -> Iterator[Hit]:
    """Find a readiness probe that wants several successes."""
    readiness = target.container.readiness_probe
    if readiness and readiness.success_threshold > 1:
        more = (readiness.success_threshold - 1) * readiness.period_seconds
        yield Hit(target.field("readinessProbe.successThreshold"), f"it becomes ready up to {more} s later")


def exec_dear(target: CheckTarget) -> Iterator[Hit]:
    """Find commands whose start alone may use up the timeout, or takes a good part of the period."""
    for kind, probe in target.probes.items():
        if not isinstance(probe.handler, Exec):
            continue
        cost = sum(
            programs.START_SECONDS.get(programs.name(argv[0]), 0.0) for argv in programs.programs(probe.handler.command)
        )
        command = " ".join(probe.handler.command[:2])
        if cost and probe.timeout_seconds < 4 * cost:
            limit = f"timeoutSeconds is {probe.timeout_seconds}"
            text = f"{command} takes about {cost:g} s to start when CPU is scarce; {limit}"
            yield Hit(target.field(f"{kind.field}.timeoutSeconds"), text)
        elif cost > DEAR_SHARE * probe.period_seconds:
            text = f"{command} takes about {cost:g} s to start, every {probe.period_seconds} s"
            yield Hit(target.field(f"{kind.field}.periodSeconds"), text)


def many_probes(target: CheckTarget) -> Iterator[Hit]:
    """Find workloads that are probed very often."""
    replicas = target.workload.replicas or 1
    rate = probes_per_minute(target)
    if rate * replicas >= BUSY:
        text = f"{rate:g} probes a minute in each of {replicas} pods: {rate * replicas / 60:.3g} a second"
        yield Hit(target.field(""), text)


def probe_grace_over_pod(target: CheckTarget) -> Iterator[Hit]:
    """Find grace periods of probes above the pod's."""
    pod = target.template.termination_grace_period_seconds
    for kind, probe in target.probes.items():
        grace = probe.termination_grace_period_seconds
        if grace is not None and grace > pod:
            text = f"{grace} s after a failed {kind} probe, {pod} s otherwise"
            yield Hit(target.field(f"{kind.field}.terminationGracePeriodSeconds"), text)


def frozen_grace(target: CheckTarget) -> Iterator[Hit]:
    """Find liveness probes without a grace period of their own where the pod's is long."""
    liveness = target.container.liveness_probe
    if liveness is None or liveness.termination_grace_period_seconds is not None:
        return
    longest = kill_time(target).worst
    if longest >= LONG_GRACE:
        text = f"a frozen container is killed {longest:g} s after it was detected"
        yield Hit(target.field("livenessProbe"), text, matters=longest > DEFAULT_GRACE)


def no_grace(target: CheckTarget) -> Iterator[Hit]:
    """Find a pod with a grace period of zero."""
    if target.template.termination_grace_period_seconds == 0:
        text = "terminationGracePeriodSeconds is 0"
        yield Hit(target.pod_field("terminationGracePeriodSeconds"), text)


def pre_stop_over_grace(target: CheckTarget) -> Iterator[Hit]:
    """Find preStop hooks that are known to leave nothing of a grace period."""
    hook = pre_stop_seconds(target.container)
    if hook is None:
        return
    pod = target.template.termination_grace_period_seconds
    for reason in KillReason:
        grace = grace_period(pod, reason, target.container, profile=target.profile)
        if hook >= grace > 0 and (reason is KillReason.OTHER or grace != pod):
            when = "" if reason is KillReason.OTHER else f" after a failed {reason} probe"
            text = f"preStop takes {hook:g} s, the grace period{when} is {grace} s"
            yield Hit(target.field("lifecycle.preStop"), text)
            return
