"""The CPU and memory of a pod's containers: what is requested and limited, and what may change while they run.

Source: kubernetes: pkg/apis/core/v1/defaults.go SetDefaults_Pod, pkg/apis/core/helper/qos/qos.go ComputePodQOS,
pkg/apis/core/validation/validation.go ValidatePodResize.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from crashy.objects.fields import FieldError, forbidden, invalid
from crashy.objects.quantity import parse_quantity

Raw = Mapping[str, Any]

RESIZABLE = ("cpu", "memory")
"""The resources that may change in place."""
_KINDS = ("limits", "requests")


def requirements(container: Raw) -> dict[str, dict[str, Any]]:
    """Return a container's limits and requests; what is limited and not requested is requested as much.

    >>> requirements({"resources": {"limits": {"cpu": "1"}}})
    {'limits': {'cpu': '1'}, 'requests': {'cpu': '1'}}
    """
    given = container.get("resources") or {}
    limits, requests = (given.get(kind) or {} for kind in _KINDS)
    both = {"limits": limits, "requests": limits | requests}
    return {kind: dict(sorted(amounts.items())) for kind, amounts in both.items() if amounts}


def resized(before: Raw, after: Raw) -> set[str]:
    """Return which of CPU and memory differ between two `requirements`."""
    return {name for name in RESIZABLE for kind in _KINDS if _amount(before, kind, name) != _amount(after, kind, name)}


def qos_class(containers: Iterable[Raw]) -> str:
    """Return a pod's class of service: `Guaranteed`, `Burstable` or `BestEffort`.

    >>> qos_class([{"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}]), qos_class([{}])
    ('Guaranteed', 'BestEffort')
    """
    each = [requirements(container) for container in containers]
    amounts = [(_amount(one, "limits", name), _amount(one, "requests", name)) for one in each for name in RESIZABLE]
    if not any(limit or request for limit, request in amounts):
        return "BestEffort"
    return "Guaranteed" if all(limit and limit == request for limit, request in amounts) else "Burstable"


def resize_errors(before: Raw, after: Raw) -> Iterator[FieldError]:
    """Return what forbids a change of resources in place from one pod's specification to another."""
    old, new = ((*spec.get("initContainers", ()), *spec.get("containers", ())) for spec in (before, after))
    if qos_class(old) != (now := qos_class(new)):
        yield invalid("spec", now, "Pod QOS Class may not change as a result of resizing")
    for field in ("initContainers", "containers"):
        for i, pair in enumerate(zip(before.get(field, ()), after.get(field, ()), strict=False)):
            was, becomes = map(requirements, pair)
            for kind in _KINDS:
                if was.get(kind, {}).keys() - becomes.get(kind, {}).keys():
                    yield forbidden(f"spec.{field}[{i}].resources.{kind}", f"resource {kind} cannot be removed")


def _amount(requirements: Raw, kind: str, name: str) -> Any:
    return parse_quantity(requirements.get(kind, {}).get(name, 0))
