"""The limits of a container: how much CPU and memory it may use."""

from __future__ import annotations

from typing import Any, NamedTuple

from crashy.objects.pod import Container
from crashy.objects.quantity import parse_quantity


class Limits(NamedTuple):
    """What a container may use; None where nothing limits it."""

    cpu: float | None = None
    """In cores."""
    memory: int | None = None
    """In bytes."""


UNLIMITED = Limits()
_MOST_BYTES = (1 << 63) - 1
"""What a larger quantity is. Source: kubernetes: apimachinery/pkg/api/resource Quantity.Value."""


def limits(container: Container) -> Limits:
    """Return a container's limits; one of nothing is none, as for the kubelet.

    Source: kubelet: pkg/kubelet/cm/helpers_linux.go (MilliCPUToQuota), kuberuntime_container_linux.go.
    """
    given = container.resources.get("limits") or {}
    memory = _amount(given.get("memory"))
    return Limits(_amount(given.get("cpu")), None if memory is None else min(_MOST_BYTES, int(memory)))


def _amount(quantity: Any) -> float | None:
    try:
        return float(parse_quantity(quantity or 0)) or None
    except ValueError:
        return None
