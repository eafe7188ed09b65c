"""The limits of a container: how much CPU, memory and disk it may use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from crashy.objects.pod import Container
from crashy.objects.quantity import parse_quantity


class Limits(NamedTuple):
    """What a container may use; None where nothing limits it."""

    cpu: float | None = None
    """In cores."""
    memory: int | None = None
    """In bytes."""
    storage: float | None = None
    """Of the node's disk, in bytes: its ephemeral storage, or that of an emptyDir of its pod, whichever is less."""


UNLIMITED = Limits()
_MOST_BYTES = (1 << 63) - 1
"""What a larger quantity is. Source: kubernetes: apimachinery/pkg/api/resource Quantity.Value."""


def limits(container: Container, volumes: Iterable[Mapping[str, Any]] = ()) -> Limits:
    """Return a container's limits, with its pod's volumes; one of nothing is none, as for the kubelet.

    Source: kubelet: pkg/kubelet/cm/helpers_linux.go (MilliCPUToQuota), kuberuntime_container_linux.go.
    """
    given = container.resources.get("limits") or {}
    memory = _amount(given.get("memory"))
    sizes = [given.get("ephemeral-storage"), *((volume.get("emptyDir") or {}).get("sizeLimit") for volume in volumes)]
    storage = min(filter(None, map(_amount, sizes)), default=None)
    return Limits(_amount(given.get("cpu")), None if memory is None else min(_MOST_BYTES, int(memory)), storage)


def _amount(quantity: Any) -> float | None:
    try:
        return float(parse_quantity(quantity or 0)) or None
    except ValueError:
        return None
