"""A pod's line in `kubectl get pods`. Source: kubernetes: pkg/printers/internalversion/printers.go printPod."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from crashy.objects.durations import human_duration
from crashy.objects.status import ContainerStatus, PodStatus


class PodColumns(NamedTuple):
    """READY, STATUS and RESTARTS: `1/1`, `Running`, `3 (12s ago)`."""

    ready: str
    status: str
    restarts: str


def pod_columns(status: PodStatus, now: float, sidecars: Collection[str] = ()) -> PodColumns:
    """Return a pod's columns at `now` (seconds, as in the status); `sidecars` names its sidecar containers."""
    beside = [c for c in status.init_containers if c.name in sidecars]
    initializing = _initializing(status.init_containers, sidecars)
    counted = status.init_containers if initializing else (*beside, *status.containers)
    restarts = sum(c.restart_count for c in counted)
    finished = [c.last_state.finished_at for c in counted if c.last_state]
    ready = sum(c.ready and c.started for c in beside)
    ready += 0 if initializing else sum(c.ready and c.state == "running" for c in status.containers)
    shown = str(restarts)
    if restarts and finished:
        shown += f" ({human_duration(now - max(finished))} ago)"
    word = initializing or _running(status)
    if status.deleting and status.phase not in {"Succeeded", "Failed"}:
        word = "Terminating"
    return PodColumns(f"{ready}/{len(status.containers) + len(sidecars)}", word, shown)


def _initializing(containers: Sequence[ContainerStatus], sidecars: Collection[str]) -> str:
    for i, container in enumerate(containers):
        if (container.state == "terminated" and not container.exit_code) or (
            container.name in sidecars and container.started
        ):
            continue
        if container.state == "terminated":
            return f"Init:{_ended(container)}"
        if container.state == "waiting" and container.reason not in {"", "PodInitializing"}:
            return f"Init:{container.reason}"
        return f"Init:{i}/{len(containers)}"
    return ""


def _running(status: PodStatus) -> str:
    """Return the reason of the first container that does not run, else the phase; Running or NotReady if some run."""
    word: str = status.phase
    for container in reversed(status.containers):
        if container.state == "waiting" and container.reason:
            word = container.reason
        elif container.state == "terminated":
            word = _ended(container)
    if word == "Completed" and any(c.ready and c.state == "running" for c in status.containers):
        return "Running" if status.ready else "NotReady"
    return word


def _ended(container: ContainerStatus) -> str:
    return container.reason or f"ExitCode:{container.exit_code}"
