"""The status of a pod and its containers, of which `kubectl get pods` shows a part.

All times are seconds of the driver's loop, as precise as it knows them; where Kubernetes compares whole seconds,
the code that compares truncates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["waiting", "running", "terminated"]
Phase = Literal["Pending", "Running", "Succeeded", "Failed", "Unknown"]


@dataclass(frozen=True, slots=True)
class Terminated:
    """How a container ended: exit code (128 + signal for a death by signal), reason, seconds of start and end."""

    exit_code: int
    reason: str
    started_at: float
    finished_at: float
    message: str = ""
    container_id: str = ""


@dataclass(frozen=True, slots=True)
class ContainerStatus:
    """One container as published; `reason`, `message`, `exit_code` belong to `state`. `id` is empty before a start."""

    name: str
    id: str = ""
    state: State = "waiting"
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    ready: bool = False
    started: bool = False
    restart_count: int = 0
    started_at: float | None = None
    finished_at: float | None = None
    last_state: Terminated | None = None


@dataclass(frozen=True, slots=True)
class PodStatus:
    """One pod as published. `ready` is its Ready condition, `ready_since` when that last changed."""

    phase: Phase
    containers: tuple[ContainerStatus, ...]
    init_containers: tuple[ContainerStatus, ...] = ()
    ready: bool = False
    ready_since: float = 0.0
    deleting: bool = False
    ip: str = ""
    start_time: float = 0.0

    def container(self, name: str) -> ContainerStatus | None:
        """Return the status of one container, regular or init, by its name."""
        return next((c for c in (*self.containers, *self.init_containers) if c.name == name), None)

    def exit_codes(self) -> dict[str, int]:
        """Return those of the containers that are terminated, regular and init ones, by name."""
        every = (*self.init_containers, *self.containers)
        return {c.name: c.exit_code for c in every if c.state == "terminated" and c.exit_code is not None}
