"""PodDisruptionBudgets, by the API server's rules and in its texts.

Source: kubernetes: pkg/apis/policy/validation/validation.go ValidatePodDisruptionBudgetSpec.
"""

from __future__ import annotations

from dataclasses import dataclass

from crashy.objects.document import Source
from crashy.objects.fields import invalid, unsupported
from crashy.objects.names import is_dns_subdomain
from crashy.objects.reading import Reader, Reading, name_rules
from crashy.objects.schema import LABEL_SELECTOR, OBJECT, Type
from crashy.objects.selector import LabelSelector, requirement_rules, selector_of
from crashy.objects.shares import ceiling_rules, share_rules

_BUDGET: Type = {
    **OBJECT,
    "spec": {
        "selector": LABEL_SELECTOR,
        "minAvailable": "port",
        "maxUnavailable": "port",
        "unhealthyPodEvictionPolicy": "string",
    },
}
_POLICIES = ("AlwaysAllow", "IfHealthyBudget")


@dataclass(frozen=True, slots=True)
class PodDisruptionBudget:
    """How many pods an eviction must leave healthy; numbers, or shares as they were written (`25%`).

    No selector (None) selects nothing, an empty one everything in the namespace.
    """

    name: str
    namespace: str
    selector: LabelSelector | None
    min_available: int | str | None
    max_unavailable: int | str | None
    always_allow: bool
    source: Source


def read_budget(reading: Reading) -> PodDisruptionBudget | None:
    """Return the PodDisruptionBudget, or None when something is wrong with it."""
    spec = reading.spec
    reading.check(name_rules(reading, is_dns_subdomain))
    if "minAvailable" in spec and "maxUnavailable" in spec:
        reading.check([invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")])
    for field in ("minAvailable", "maxUnavailable"):
        if field in spec:
            reading.check(share_rules(f"spec.{field}", spec[field]))
            reading.check(ceiling_rules(f"spec.{field}", spec[field]))
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in _POLICIES:
        reading.check([unsupported("spec.unhealthyPodEvictionPolicy", policy, _POLICIES)])
    reading.check(requirement_rules(spec.get("selector", {})))
    if reading.errors:
        return None
    return PodDisruptionBudget(
        name=reading.name,
        namespace=reading.namespace,
        selector=selector_of(spec["selector"]) if "selector" in spec else None,
        min_available=spec.get("minAvailable"),
        max_unavailable=spec.get("maxUnavailable"),
        always_allow=policy == "AlwaysAllow",
        source=reading.document.source,
    )


BUDGET = Reader(_BUDGET, read_budget)
