"""The outcome of a probe handler's call, and the results that the workers store for the pod's sync."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """A handler's result (kubelet: pkg/probe/probe.go)."""

    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A handler's result, its output (an event's text), and an error if it could not judge.

    A failure counts against the threshold. An error does not: the handler is retried at once, and after
    `worker.MAX_PROBE_RETRIES` errors the attempt is discarded. `result` beside an error only words the event
    (`Readiness probe errored and resulted in unknown state: ...`).
    """

    result: Result
    output: str = ""
    error: str = ""

    @property
    def errored(self) -> bool:
        """Return whether this outcome is discarded."""
        return self.error != ""

    @property
    def healthy(self) -> bool:
        """Return whether the attempt counts as a success: a warning does, an unknown result does not."""
        return not self.errored and self.result in {Result.SUCCESS, Result.WARNING}


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
        """Return what is stored for a container, None if nothing is."""
        return self._results.get(container_id)

    def set(self, container_id: str, result: Stored) -> bool:
        """Store a result; True if it is an update to push: a new container, or a value that changed."""
        changed = self._results.get(container_id) is not result
        self._results[container_id] = result
        return changed

    def remove(self, container_id: str) -> None:
        """Remove a container, if known; this pushes no update."""
        self._results.pop(container_id, None)
