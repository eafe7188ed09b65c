"""Deployments, by the API server's rules and in its texts.

Source: kubernetes: pkg/apis/apps/validation/validation.go, staging/.../metav1/validation/validation.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from crashy.objects.fields import FieldError, forbidden, invalid, unsupported
from crashy.objects.names import is_dns_subdomain
from crashy.objects.reading import Reader, Reading, at_least, name_rules, read_template
from crashy.objects.schema import LABEL_SELECTOR, OBJECT, Type, each
from crashy.objects.selector import selector_of, selector_rules, template_rules
from crashy.objects.shares import ceiling_rules, is_nothing, share_rules
from crashy.objects.workload import Workload

_DEPLOYMENT: Type = {
    **OBJECT,
    "spec": {
        **each("int32", "replicas minReadySeconds progressDeadlineSeconds revisionHistoryLimit"),
        "selector": LABEL_SELECTOR,
        "template": "any",
        "strategy": {"type": "string", "rollingUpdate": {"maxSurge": "port", "maxUnavailable": "port"}},
        "paused": "bool",
    },
}


@dataclass(frozen=True, slots=True)
class Strategy:
    """A Deployment's strategy: RollingUpdate or Recreate.

    `max_surge` and `max_unavailable` are pods, or a share of the replicas as it was written (`25%`).
    """

    type: str = "RollingUpdate"
    max_surge: int | str = "25%"
    max_unavailable: int | str = "25%"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment(Workload):
    """A number of replicas of one pod template. Times are in whole seconds, as in Kubernetes."""

    kind: ClassVar[str] = "Deployment"
    labels: Mapping[str, str]
    strategy: Strategy
    min_ready_seconds: int
    progress_deadline_seconds: int
    paused: bool = False
    """Nothing is rolled out; scaling works."""
    revision_history_limit: int = 10
    """How many old ReplicaSets a cluster keeps to roll back to; a lab rolls forward only."""


def read_deployment(reading: Reading) -> Deployment | None:
    """Return the Deployment, or None if it is invalid."""
    spec = reading.spec
    reading.check(name_rules(reading, is_dns_subdomain))
    replicas, ready = spec.get("replicas", 1), spec.get("minReadySeconds", 0)
    deadline, history = spec.get("progressDeadlineSeconds", 600), spec.get("revisionHistoryLimit", 10)
    selector = selector_of(spec.get("selector", {}))
    reading.check(at_least("spec.replicas", replicas, 0))
    reading.check(selector_rules(spec.get("selector")))
    reading.check(_strategy_rules(spec.get("strategy", {})))
    reading.check(at_least("spec.minReadySeconds", ready, 0))
    reading.check(at_least("spec.revisionHistoryLimit", history, 0))
    reading.check(at_least("spec.progressDeadlineSeconds", deadline, 0))
    if 0 <= deadline <= ready:
        reading.check([invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")])
    template = read_template(reading, spec.get("template", {}))
    if template is None or reading.errors:
        return None
    reading.check(template_rules(selector, template))
    rolling = spec.get("strategy", {}).get("rollingUpdate", {})
    return Deployment(
        name=reading.name,
        namespace=reading.namespace,
        labels=reading.labels,
        replicas=replicas,
        selector=selector,
        template=template,
        strategy=Strategy(
            spec.get("strategy", {}).get("type") or "RollingUpdate",
            rolling.get("maxSurge", "25%"),
            rolling.get("maxUnavailable", "25%"),
        ),
        min_ready_seconds=ready,
        progress_deadline_seconds=deadline,
        source=reading.document.source,
        replicas_given="replicas" in spec,
        paused=spec.get("paused", False),
        revision_history_limit=history,
    )


def _strategy_rules(raw: dict[str, Any]) -> Iterator[FieldError]:
    path = "spec.strategy"
    kind = raw.get("type") or "RollingUpdate"
    if kind not in ("Recreate", "RollingUpdate"):
        yield unsupported(f"{path}.type", kind, ("Recreate", "RollingUpdate"))
    rolling = raw.get("rollingUpdate")
    if rolling is None:
        return
    if kind == "Recreate":
        yield forbidden(f"{path}.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'")
        return
    surge, unavailable = rolling.get("maxSurge", "25%"), rolling.get("maxUnavailable", "25%")
    yield from share_rules(f"{path}.rollingUpdate.maxSurge", surge)
    yield from share_rules(f"{path}.rollingUpdate.maxUnavailable", unavailable)
    yield from ceiling_rules(f"{path}.rollingUpdate.maxUnavailable", unavailable)
    if is_nothing(surge) and is_nothing(unavailable):
        yield invalid(f"{path}.rollingUpdate.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0")


DEPLOYMENT = Reader(_DEPLOYMENT, read_deployment)
