"""What `kubectl top pods` prints. Source: kubectl: pkg/metricsutil/metrics_printer.go."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

SORTED_BY = ("cpu", "memory")


class ContainerUsage(NamedTuple):
    """What a container uses: `cpu` in cores, `memory` in bytes."""

    name: str
    cpu: float
    memory: int


class PodUsage(NamedTuple):
    """What the running containers of a pod use."""

    namespace: str
    name: str
    containers: tuple[ContainerUsage, ...]


def top_pods(
    pods: Iterable[PodUsage], *, containers: bool = False, sort_by: str = ""
) -> tuple[Sequence[str], list[Sequence[str]]]:
    """Return columns and rows: a line for each pod, or for each of its containers; those that use most come first.

    Without `sort_by` they are sorted by name. Where they are of several namespaces, each row begins with its own. Every
    row ends with an empty cell, as kubectl pads the last column too.
    """
    found = sorted(pods, key=lambda pod: _key(pod.containers, sort_by, (pod.namespace, pod.name)))
    several = len({pod.namespace for pod in found}) > 1
    columns = ("POD",) * containers + ("NAME", "CPU(cores)", "MEMORY(bytes)", "")
    rows: list[Sequence[str]] = []
    for pod in found:
        own = sorted(pod.containers, key=lambda one: _key((one,), sort_by, (one.name,)))
        lines = [((pod.name, one.name), (one,)) for one in own] if containers else [((pod.name,), pod.containers)]
        rows += [((pod.namespace,) * several + names + _amounts(used)) for names, used in lines]
    return ("NAMESPACE",) * several + columns, rows


def _key(used: Sequence[ContainerUsage], sort_by: str, names: tuple[str, ...]) -> tuple[float, tuple[str, ...]]:
    return (-sum(getattr(one, sort_by) for one in used) if sort_by else 0, names)


def _amounts(used: Sequence[ContainerUsage]) -> tuple[str, str, str]:
    """Return the cells of CPU, rounded up, and of memory, rounded down."""
    cpu = sum(math.ceil(one.cpu * 1e9) for one in used)
    return f"{math.ceil(cpu / 1e6)}m", f"{sum(one.memory for one in used) // 2**20}Mi", ""
