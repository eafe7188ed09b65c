"""What the probe workers have found, by container id: what the pod's sync reads."""

from __future__ import annotations

from enum import StrEnum


class Stored(StrEnum):
    """The value that a worker keeps for a container (kubelet: pkg/kubelet/prober/results/results_manager.go)."""

    UNKNOWN = "unknown"
    SUCCESS = "success"
    FAILURE = "failure"


class Results:
    """The results of one probe type, by container id. A kubelet has three such maps."""

    def __init__(self) -> None:
        self._results: dict[str, Stored] = {}

    def get(self, container_id: str) -> Stored | None:
        """Give what is stored for a container, None if nothing is."""
        return self._results.get(container_id)

    def set(self, container_id: str, result: Stored) -> bool:
        """Store a result; True if it is an update to push: a new container, or a value that changed."""
        changed = self._results.get(container_id) is not result
        self._results[container_id] = result
        return changed

    def remove(self, container_id: str) -> None:
        """Forget a container, known or not; this pushes no update."""
        self._results.pop(container_id, None)
