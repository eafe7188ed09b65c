"""A Deployment's condition Progressing. Source: kubernetes: pkg/controller/deployment/progress.go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from crashy.controllers.rollout import has_stalled
from crashy.objects.deployment import Deployment
from crashy.timeline import kinds
from crashy.timeline.kinds import Emit

SOURCE = "deployment-controller"
_NO_DEADLINE = 2**31 - 1
_FAILED = "ProgressDeadlineExceeded"
_PAUSED, _RESUMED = "DeploymentPaused", "DeploymentResumed"


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of a Deployment's pods: `replicas` without those being deleted, `updated` of the current template."""

    desired: int = 0
    replicas: int = 0
    updated: int = 0
    ready: int = 0
    available: int = 0

    @property
    def complete(self) -> bool:
        """Return whether all pods exist, are available and of the newest template, and no others exist."""
        return self.updated == self.replicas == self.available == self.desired

    def is_progress_from(self, before: Counts) -> bool:
        """Return whether there was progress since `before`."""
        return (
            self.updated > before.updated
            or self.replicas - self.updated < before.replicas - before.updated
            or self.ready > before.ready
            or self.available > before.available
        )


class Progress:
    """Reports each new reason of the condition once; `now` is in seconds of the loop. An empty reason: none so far."""

    def __init__(self, emit: Emit, now: Callable[[], float]) -> None:
        self.reason = ""
        self._emit = emit
        self._now = now
        self._counts = Counts()
        self._progressed_at = now()

    def created(self, deployment: Deployment, replica_set: str) -> None:
        """Report a new ReplicaSet; none of the pods that were counted before is of its template."""
        self._counts = replace(self._counts, updated=0)
        self._set(deployment, "NewReplicaSetCreated", f'Created new replica set "{replica_set}"')

    def pause(self, deployment: Deployment) -> None:
        """Report that the Deployment was paused or resumed (kubernetes: sync.go checkPausedConditions)."""
        if deployment.progress_deadline_seconds == _NO_DEADLINE or self.reason == _FAILED:
            return
        if deployment.paused:
            self._set(deployment, _PAUSED, "Deployment is paused")
        elif self.reason == _PAUSED:
            self._set(deployment, _RESUMED, "Deployment is resumed")

    def note(self, deployment: Deployment, replica_set: str, counts: Counts) -> None:
        """Report progress since the last call, or that the progress deadline is exceeded."""
        before, self._counts = self._counts, counts
        deadline = deployment.progress_deadline_seconds
        done = counts.replicas == counts.updated and self.reason == "NewReplicaSetAvailable"
        if done or deadline == _NO_DEADLINE or deployment.paused:
            return
        if counts.complete:
            self._set(deployment, "NewReplicaSetAvailable", f'ReplicaSet "{replica_set}" has successfully progressed.')
        elif counts.is_progress_from(before):
            self._set(deployment, "ReplicaSetUpdated", f'ReplicaSet "{replica_set}" is progressing.')
        elif self.reason != "NewReplicaSetAvailable" and has_stalled(
            last_progress=self._progressed_at, now=self._now(), progress_deadline_seconds=deadline
        ):
            self._set(deployment, _FAILED, f'ReplicaSet "{replica_set}" has timed out progressing.')

    def deadline(self, deployment: Deployment) -> float | None:
        """Return when the progress deadline expires; None without a rollout in progress or without a deadline."""
        seconds = deployment.progress_deadline_seconds
        if self.reason not in {"NewReplicaSetCreated", "ReplicaSetUpdated", _RESUMED} or seconds == _NO_DEADLINE:
            return None
        return self._progressed_at + seconds

    def _set(self, deployment: Deployment, reason: str, message: str) -> None:
        if reason != _FAILED:
            self._progressed_at = self._now()
        if reason == self.reason:
            return
        self.reason = reason
        kinds.CONDITION.add(
            self._emit,
            SOURCE,
            f"deployment/{deployment.name}",
            reason,
            message,
            data={
                "type": "Warning" if reason == _FAILED else "Normal",
                "condition": "Progressing",
                "status": "Unknown" if reason in {_PAUSED, _RESUMED} else str(reason != _FAILED),
                "namespace": deployment.namespace,
            },
        )
