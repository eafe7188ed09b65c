"""Is a pod Ready, and why not. Source: kubelet: pkg/kubelet/status/generate.go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from crashy.kubelet.status import ContainerStatus


@dataclass(frozen=True, slots=True)
class Condition:
    """One of a pod's conditions."""

    status: bool
    reason: str = ""
    message: str = ""


def containers_ready(names: Iterable[str], statuses: Iterable[ContainerStatus], phase: str = "Running") -> Condition:
    """Give ContainersReady: all containers (and sidecars) of these `names` are known and ready."""
    known = {status.name: status for status in statuses}
    wanted = list(names)
    unknown = [name for name in wanted if name not in known]
    unready = [name for name in wanted if name in known and not known[name].ready]
    if not unknown and phase in {"Succeeded", "Failed"}:
        return Condition(False, "PodCompleted" if phase == "Succeeded" else "PodFailed")
    lists = (("unknown", unknown), ("unready", unready))
    messages = [f"containers with {kind} status: [{' '.join(found)}]" for kind, found in lists if found]
    return Condition(False, "ContainersNotReady", ", ".join(messages)) if messages else Condition(True)


def pod_ready(
    containers: Condition, gates: Iterable[str] = (), conditions: Mapping[str, bool] | None = None
) -> Condition:
    """Give Ready: ContainersReady, and every readiness gate has its condition, which is true."""
    if not containers.status:
        return containers
    given = conditions or {}
    messages = []
    for gate in gates:
        if gate not in given:
            messages.append(f'corresponding condition of pod readiness gate "{gate}" does not exist.')
        elif not given[gate]:
            messages.append(f'the status of pod readiness gate "{gate}" is not "True", but False')
    return Condition(False, "ReadinessGatesNotReady", ", ".join(messages)) if messages else Condition(True)
