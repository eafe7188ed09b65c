"""Traps in rolling updates: those that never end, fail requests, or go on with a pod that is not ready."""

from __future__ import annotations

import math
from collections.abc import Iterator

from crashy.check.model import Hit, Severity
from crashy.check.outcomes import Verdict, hook_seconds, outcome
from crashy.check.ports import leads_to
from crashy.check.starts import Start, start
from crashy.check.stops import goes_on, kill_reason, pre_stop_seconds
from crashy.check.targets import CheckTarget
from crashy.controllers.rollout import fenceposts
from crashy.objects.deployment import Deployment
from crashy.objects.images import is_patient
from crashy.objects.pod import ProbeType
from crashy.objects.statefulset import StatefulSet

_ROLLED = ("Deployment", "StatefulSet", "DaemonSet")
_HOSTNAME = "kubernetes.io/hostname"


def rollout_stands_still(target: CheckTarget) -> Iterator[Hit]:
    """Find updates whose numbers let them not end, or be reported as failed while all goes well."""
    match target.workload.object:
        case Deployment() as deployment:
            yield from _deadline(target, deployment)
            if target.container is target.template.containers[0]:
                yield from _no_room(target, deployment)
                if target.workload.document.object["spec"].get("paused"):
                    yield Hit("spec.paused", "it is paused: a new version is not rolled out", Severity.NOTE)
        case StatefulSet(partition=partition, replicas=replicas, on_delete=False, start=first):
            # Pods of an ordinal below the partition keep the old version.
            if replicas and partition >= first + replicas:
                text = f"no ordinal is {partition} or more: an update changes no pod"
                yield Hit("spec.updateStrategy.rollingUpdate.partition", text, Severity.NOTE)


def _deadline(target: CheckTarget, deployment: Deployment) -> Iterator[Hit]:
    granted, deadline = start(target), deployment.progress_deadline_seconds
    given = "progressDeadlineSeconds" in target.workload.document.object["spec"]
    path = "spec.progressDeadlineSeconds" if given else target.field("readinessProbe")
    if granted.ready is not None and granted.ready.best > deadline:
        text = f"it is ready after {granted.ready.best:g} s at the earliest, progressDeadlineSeconds is {deadline}"
        yield Hit(path, f"{text}: every rollout is reported as failed")
    elif granted.by is ProbeType.STARTUP and granted.safe is not None and granted.safe > deadline:
        path = path if given else target.field("startupProbe.failureThreshold")
        text = f"startup allows {granted.safe:g} s, progressDeadlineSeconds is {deadline}"
        yield Hit(path, f"{text}: a slow start is reported as a failed rollout", Severity.NOTE)


def _no_room(target: CheckTarget, deployment: Deployment) -> Iterator[Hit]:
    """Find updates that need a node more than there are pods: none may go before a new one is there."""
    strategy, replicas = deployment.strategy, deployment.replicas
    if strategy.type != "RollingUpdate" or not replicas:
        return
    if fenceposts(replicas, strategy.max_surge, strategy.max_unavailable).max_unavailable:
        return
    if alone := _alone_on_a_node(target):
        text = f"{alone}, and maxUnavailable is 0 of {replicas}: a new pod needs a node without an old one"
        yield Hit("spec.strategy", f"{text}; with {replicas} nodes there is none")


def _alone_on_a_node(target: CheckTarget) -> str:
    """Return why two pods of a workload can't be on one node; empty if they can."""
    spec = target.template.raw.get("spec") or {}
    for container in target.template.containers:
        for port in container.ports:
            if port.host_port or spec.get("hostNetwork"):
                return f"one pod a node has port {port.host_port or port.container_port} of it"
    apart = ((spec.get("affinity") or {}).get("podAntiAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    for term in apart or ():
        labels = (term.get("labelSelector") or {}).get("matchLabels") or {}
        if term.get("topologyKey") == _HOSTNAME and labels and labels.items() <= target.template.labels.items():
            return "its pods must be on different nodes"
    return ""


def no_pre_stop_wait(target: CheckTarget) -> Iterator[Hit]:
    """Find containers that get SIGTERM while their Services still send them requests.

    Only those of several pods with readiness: elsewhere an update costs more than that, and is meant to. The patient
    goes on accepting requests for a while.
    """
    mine = [route.service.name for route in target.routes if leads_to(route, target)]
    if not mine or target.workload.kind not in _ROLLED or target.pods == 1 or not target.container.readiness_probe:
        return
    seconds, known = hook_seconds(target.container.lifecycle.pre_stop)
    if seconds or not known or _recreated(target) or is_patient(target.container.image):
        return
    names = ", ".join(f"Service/{name}" for name in mine)
    text = f"no wait in preStop: SIGTERM comes while {names} may still send it requests, which are refused"
    yield Hit(target.field("lifecycle.preStop" if target.container.lifecycle.pre_stop else ""), text)


def _recreated(target: CheckTarget) -> bool:
    made_from = target.workload.object
    return isinstance(made_from, Deployment) and made_from.strategy.type == "Recreate"


def ready_while_stopping(target: CheckTarget) -> Iterator[Hit]:
    """Find containers that may become ready after liveness has given up on their start, while they are killed."""
    container, made_from, begun = target.container, target.workload.object, start(target)
    readiness = container.readiness_probe
    if begun.by is not ProbeType.LIVENESS or readiness is None or target.workload.kind not in _ROLLED:
        return
    least = getattr(made_from, "min_ready_seconds", 0)
    if begun.in_vain:
        yield from _surely_ready_while_stopping(target, begun, least)
        return
    hook = pre_stop_seconds(container)
    if outcome(target, readiness).verdict is not Verdict.PASSES or hook is None:
        return
    waits = min(hook, goes_on(target, kill_reason(target)).best)
    if waits > max(readiness.period_seconds * readiness.success_threshold, least):
        text = f"preStop runs {waits:g} s after liveness has given up on a slow start"
        text += f"; readiness may succeed in it (every {readiness.period_seconds} s)"
        yield Hit(target.field("lifecycle.preStop"), f"{text}, and a rollout goes on with a container that is killed")


def _surely_ready_while_stopping(target: CheckTarget, begun: Start, least: float) -> Iterator[Hit]:
    """Find a start that is known to succeed after it was given up, and to last as long as a rollout needs."""
    ready, killed, ended = begun.ready, begun.killed, begun.ended
    if ready is None or killed is None or ended is None or ended.worst - ready.best <= least:
        return
    if ready.best < killed.worst and ready.worst <= killed.best:  # it is ready before that, too
        return
    span = f"{ready.best:g} s or more" if ready.worst == math.inf else f"{ready.best:g} to {ready.worst:g} s"
    text = f"liveness gives up after {killed.best:g} to {killed.worst:g} s, readiness succeeds after {span}, and the "
    text += (
        f"container has ended after {ended.best:g} to {ended.worst:g} s: a rollout takes it for ready, and removes an "
    )
    text += "old pod"
    path = "lifecycle.preStop" if target.container.lifecycle.pre_stop else "livenessProbe"
    yield Hit(target.field(path), text, Severity.ERROR if ready.worst < math.inf else None)
