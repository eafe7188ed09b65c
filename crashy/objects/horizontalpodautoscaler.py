"""HorizontalPodAutoscalers, of which only the least number of replicas counts: a lab measures no load.

Source: kubernetes: pkg/apis/autoscaling/validation/validation.go; pkg/controller/podautoscaler/horizontal.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from crashy.objects.document import Source
from crashy.objects.fields import invalid, required
from crashy.objects.names import is_dns_subdomain
from crashy.objects.reading import Reader, Reading, at_least, name_rules
from crashy.objects.schema import OBJECT, Type, unread
from crashy.objects.workload import Key, Workload

_AUTOSCALER: Type = {
    **OBJECT,
    "spec": {
        "scaleTargetRef": {"apiVersion": "string", "kind": "string", "name": "string"},
        "minReplicas": "int32",
        "maxReplicas": "int32",
        **unread("metrics behavior targetCPUUtilizationPercentage"),
    },
}


@dataclass(frozen=True, slots=True)
class HorizontalPodAutoscaler:
    """Gives `target` at least `min_replicas`."""

    name: str
    namespace: str
    target: Key
    min_replicas: int
    source: Source


def read_autoscaler(reading: Reading) -> HorizontalPodAutoscaler | None:
    """Return the HorizontalPodAutoscaler, or None when something is wrong with it."""
    spec = reading.spec
    target, least, most = spec.get("scaleTargetRef", {}), spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
    reading.check(name_rules(reading, is_dns_subdomain))
    reading.check(required(f"spec.scaleTargetRef.{key}") for key in ("kind", "name") if not target.get(key))
    reading.check(at_least("spec.minReplicas", least, 1))
    if most < 1:
        reading.check([invalid("spec.maxReplicas", most, "must be greater than 0")])
    if most < least:
        reading.check([invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")])
    if reading.errors:
        return None
    key = (target["kind"], reading.namespace, target["name"])
    return HorizontalPodAutoscaler(reading.name, reading.namespace, key, least, reading.document.source)


def raised(workload: Workload, autoscalers: Iterable[HorizontalPodAutoscaler]) -> Workload:
    """Return a workload with at least the replicas of its autoscaler."""
    return replace(workload, replicas=least_replicas(workload.key, workload.replicas, autoscalers))


def least_replicas(key: Key, replicas: int, autoscalers: Iterable[HorizontalPodAutoscaler]) -> int:
    """Return a number of replicas, raised to what their autoscaler wants at least; 0 replicas switch that off."""
    least = max((one.min_replicas for one in autoscalers if one.target == key), default=0)
    return max(replicas, least) if replicas else 0


AUTOSCALER = Reader(_AUTOSCALER, read_autoscaler)
