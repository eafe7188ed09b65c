"""What one call of a probe handler gave."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """What a handler says of the container (kubelet: pkg/probe/probe.go)."""

    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"
    UNKNOWN = "unknown"


_HEALTHY = frozenset({Result.SUCCESS, Result.WARNING})


@dataclass(frozen=True, slots=True)
class Outcome:
    """A handler's result, its output (an event's text), and an error if it could not judge.

    A failure counts against the threshold. An error does not: the handler is tried again at once, and after
    `worker.MAX_PROBE_RETRIES` errors the attempt is thrown away. `result` beside an error only words the event
    (`Readiness probe errored and resulted in unknown state: ...`).
    """

    result: Result
    output: str = ""
    error: str = ""

    @property
    def errored(self) -> bool:
        """Say whether this outcome is thrown away."""
        return self.error != ""

    @property
    def healthy(self) -> bool:
        """Say whether the attempt counts as a success: a warning does, an unknown result does not."""
        return not self.errored and self.result in _HEALTHY
