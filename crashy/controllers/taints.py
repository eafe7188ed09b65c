"""The taints of a node that takes no pods, and how long a pod tolerates each.

kubernetes: component-helpers/scheduling/corev1/helpers.go; plugin/pkg/admission/defaulttolerationseconds/admission.go;
pkg/controller/tainteviction/taint_eviction.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crashy.objects.pod import PodTemplate

UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
"""That of a cordoned node: nothing new is bound."""
UNREACHABLE = "node.kubernetes.io/unreachable"
"""That of a node whose kubelet is not heard of: nothing new is bound, and what is there is evicted."""
TOLERATION_SECONDS = 300.0
"""How long a pod that says nothing tolerates UNREACHABLE (--default-unreachable-toleration-seconds)."""


def admits(template: PodTemplate, taint: str) -> bool:
    """Return whether a pod may be bound to a node with that taint."""
    return any(_matches(one, taint, "NoSchedule") for one in _tolerations(template))


def tolerated_for(template: PodTemplate, taint: str) -> float | None:
    """Return the seconds after which a pod is evicted from a node with that taint; None for never."""
    matching = [one for one in _tolerations(template) if _matches(one, taint, "NoExecute")]
    if not matching:
        return TOLERATION_SECONDS
    limits = [float(one["tolerationSeconds"]) for one in matching if one.get("tolerationSeconds") is not None]
    return max(min(limits), 0.0) if limits else None


def _tolerations(template: PodTemplate) -> list[Mapping[str, Any]]:
    return template.raw["spec"].get("tolerations") or []


def _matches(toleration: Mapping[str, Any], taint: str, effect: str) -> bool:
    """Return whether a toleration is one of that taint, whose value is empty."""
    key = toleration.get("key") or ""
    return (
        toleration.get("effect") in {None, "", effect}
        and key in {"", taint}
        and (toleration.get("operator") == "Exists" or (key == taint and not toleration.get("value")))
    )
