"""Traps in a pod's Services, and in its known failures."""

from __future__ import annotations

from collections.abc import Iterator

from crashy.check.handler_traps import depends_on
from crashy.check.impacts import backoff_limit, ends_well, stays_ended
from crashy.check.model import Hit, Severity
from crashy.check.numbers import numbers, waits
from crashy.check.outcomes import FailureMode
from crashy.check.targets import CheckTarget
from crashy.kubelet.restarts import restart_policy, restarts_after

# How the patient's variables make it fail.
_MODES = {"CRASH_AFTER": FailureMode.ERRORS, "FREEZE_AFTER": FailureMode.HANG, "KILL_IN_SECONDS": FailureMode.EXIT}
_WORDS = {
    FailureMode.ERRORS: "it answers with errors",
    FailureMode.HANG: "it freezes",
    FailureMode.EXIT: "its process ends",
}


def readiness_alone(target: CheckTarget) -> Iterator[Hit]:
    """Find a readiness probe of the only pod behind a Service; it matters where it fails easily."""
    readiness = target.container.readiness_probe
    if readiness and target.routes and target.pods == 1:
        names = ", ".join(f"Service/{route.service.name}" for route in target.routes)
        text = f"the only pod of {names}: while it is not ready, connections are refused"
        matters = readiness.failure_threshold == 1 or any(depends_on(readiness.handler))
        yield Hit(target.field("readinessProbe"), text, matters=matters)


def liveness_without_restart(target: CheckTarget) -> Iterator[Hit]:
    """Find liveness probes of containers that are not restarted, or whose work is to end one day."""
    policy = restart_policy(target.template, target.container, target.profile)
    if target.container.liveness_probe is None or policy == "Always":
        return
    job, never = backoff_limit(target) is not None, stays_ended(target)
    if policy == "Never" and not never:  # its restart rules start it again
        return
    if never and target.container.restart_policy and len(target.template.containers) > 1:
        text = "it has ended then, and stays so"
    elif never:
        other = "; another pod takes its place" if target.workload.kind != "Pod" else ""
        text = "its pod has failed then, and stays so"
        text += "; the Job starts another until backoffLimit" if job else other
    else:
        text = "its work begins again" + (", and counts towards the Job's backoffLimit" if job else "")
        text += "; if it ends with 0 at SIGTERM, it is not started again once a restart has to wait"
    severity = None if never or (target.env.obeys and not job) else Severity.NOTE
    yield Hit(target.field("livenessProbe"), f"liveness kills it, and restartPolicy is {policy}: {text}", severity)


def readiness_ignored(target: CheckTarget) -> Iterator[Hit]:
    """Find Services that publish pods which are not ready, in front of a readiness probe."""
    if target.container.readiness_probe is None:
        return
    for route in target.routes:
        if route.service.publish_not_ready_addresses:
            text = f"Service/{route.service.name} sends users to {target.title} when it is not ready"
            yield Hit("spec.publishNotReadyAddresses", text, document=route.document)


def never_healed(target: CheckTarget) -> Iterator[Hit]:
    """Find known failures that nothing ends."""
    if not target.env.failures:
        return
    impacts = numbers(target).impacts
    for name, seconds in target.env.failures.items():
        if impacts[_MODES[name]].detected is None:
            yield Hit(_variable(target, name), f"{name}: {_WORDS[_MODES[name]]} after {seconds:g} s and never recovers")
        elif _MODES[name] is FailureMode.EXIT and ends_well(target) and backoff_limit(target) is None:
            code, policy = target.env.exit_code, restart_policy(target.template, target.container, target.profile)
            text = f"{name}: its process ends with {code} after {seconds:g} s, and restartPolicy {policy} leaves it so"
            yield Hit(_variable(target, name), text)


def ill_again(target: CheckTarget) -> Iterator[Hit]:
    """Find known failures that recur after each restart."""
    if not target.env.failures:
        return
    impacts = numbers(target).impacts
    for name, seconds in target.env.failures.items():
        impact = impacts[_MODES[name]]
        if impact.back is None or impact.detected is None:
            continue
        life = seconds + impact.detected.worst
        between = waits(life, killed=_MODES[name] is not FailureMode.EXIT)
        longest = max(between)
        text = f"{name}: {_WORDS[_MODES[name]]} {seconds:g} s after each start; "
        if longest and _MODES[name] is FailureMode.ERRORS and _completes(target):
            times = next(index for index, wait in enumerate(between) if wait)
            text += f"after {times} restarts it has to wait, and as it has ended with 0 at SIGTERM, it has completed"
            yield Hit(_variable(target, name), text, Severity.WARNING)
            continue
        wait = f"before its restarts it waits longer and longer, up to {longest:g} s" if longest else "it never waits"
        yield Hit(_variable(target, name), text + wait)


def _completes(target: CheckTarget) -> bool:
    """Return whether a container that ends at SIGTERM, with 0, is not started again by a later sync."""
    return target.env.obeys and not restarts_after(target.template, target.container, 0, target.profile)


def _variable(target: CheckTarget, name: str) -> str:
    """Return the path where a variable is set in the container."""
    indices = [index for index, variable in enumerate(target.container.env) if variable.name == name]
    return target.field(f"env[{indices[-1]}]" if indices else "envFrom")
