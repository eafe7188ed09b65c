"""Traps in probes and gates that can't succeed, however well the app is."""

from __future__ import annotations

from collections.abc import Iterator

from crashy.check.model import Hit
from crashy.check.outcomes import Verdict, outcome
from crashy.check.starts import start, unguarded
from crashy.check.targets import CheckTarget
from crashy.objects.pod import GRPC, Exec, ProbeType


def never_succeeds(target: CheckTarget) -> Iterator[Hit]:
    """Find probes that fail while their app is well; of one with a host `probe-host` tells."""
    for kind, probe in target.probes.items():
        well = outcome(target, probe)
        if well.verdict not in {Verdict.FAILS, Verdict.HANGS}:
            continue
        if not isinstance(probe.handler, Exec | GRPC) and probe.handler.host:
            continue
        yield Hit(target.field(kind.field), f"{well.why}: {_effect(target, kind)}")


def gates_unset(target: CheckTarget) -> Iterator[Hit]:
    """Find readinessGates: nothing in a manifest sets a condition of a pod."""
    gates = target.template.readiness_gates
    if gates and target.container is target.template.containers[0]:
        text = f"the pod is not ready until something sets its condition {' and '.join(gates)} to True"
        yield Hit(target.pod_field("readinessGates"), text)


def _effect(target: CheckTarget, kind: ProbeType) -> str:
    if kind is ProbeType.READINESS:
        return "it never becomes ready"
    begun = start(target)
    if begun.by is not kind or begun.killed is None:
        return "it is restarted again and again"
    span = f"{begun.killed.best:g} to {begun.killed.worst:g} s"
    if kind is ProbeType.LIVENESS and unguarded(target):  # that is another time after a kill
        return f"it is killed {span} after its first start, and again and again"
    killed = f"after {span} it is killed, again and again"
    return f"{killed}, and never ready" if kind is ProbeType.STARTUP else killed
