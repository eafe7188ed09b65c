"""A ReplicaSet's controller: so many pods of one template, whatever becomes of each."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from crashy.controllers.base import PodView
from crashy.controllers.names import generated
from crashy.controllers.rollout import is_available
from crashy.kubelet.recorder import Emit
from crashy.kubelet.runtime import Pod
from crashy.objects.pod import PodTemplate
from crashy.objects.status import PodStatus


class ReplicaSetController:
    """Creates the pods that are missing, and deletes those that are too many; those being deleted don't count.

    `pods` gives the pods of an owner, `create` makes one of a name, `delete` deletes one.
    """

    def __init__(
        self,
        name: str,
        namespace: str,
        template: PodTemplate,
        *,
        pods: Callable[[str], Sequence[PodView]],
        create: Callable[[str, str, PodTemplate, str], None],
        delete: Callable[[Pod], None],
        emit: Emit,
        rng: random.Random,
        created_at: float,
    ) -> None:
        self.name = name
        self.namespace = namespace
        self.template = template
        self.created_at = created_at
        self.replicas = 0
        self._pods = pods
        self._create = create
        self._delete = delete
        self._emit = emit
        self._rng = rng

    @property
    def owner(self) -> str:
        """Name it as the owner of its pods: `replicaset/web-5bc4d6474b`."""
        return f"replicaset/{self.name}"

    def pods(self) -> Sequence[PodView]:
        """Return all its pods, those being deleted too."""
        return self._pods(self.owner)

    def active(self) -> list[PodView]:
        """Return the pods that count as replicas."""
        return [view for view in self.pods() if counts(view.status)]

    def available(self, now: float, min_ready_seconds: int) -> int:
        """Count the replicas that have been ready for long enough."""
        return sum(
            is_available(
                ready=view.status.ready,
                ready_since=view.status.ready_since,
                now=now,
                min_ready_seconds=min_ready_seconds,
            )
            for view in self.active()
        )

    def sync(self) -> None:
        """Create and delete until there are as many as there should be."""
        active = self.active()
        for _ in range(self.replicas - len(active)):
            name = generated(f"{self.name}-", self._rng)
            self._event("SuccessfulCreate", f"Created pod: {name}")
            self._create(name, self.namespace, self.template, self.owner)
        for view in sorted(active, key=_worth)[: max(0, len(active) - self.replicas)]:
            self._event("SuccessfulDelete", f"Deleted pod: {view.pod.name}")
            self._delete(view.pod)

    def _event(self, reason: str, message: str) -> None:
        self._emit(
            "replicaset-controller", "event", self.owner, reason, message, type="Normal", namespace=self.namespace
        )


def counts(status: PodStatus) -> bool:
    """Return whether a pod counts as a replica: neither ended nor being deleted."""
    return not status.deleting and status.phase not in {"Succeeded", "Failed"}


def _worth(view: PodView) -> tuple[bool, bool, float, int, float]:
    """Sort the pods that go first to the front: never ran, unready, ready for a short time, often restarted, young.

    kubernetes: pkg/controller/controller_utils.go ActivePodsWithRanks; of pods that have been ready for about as long
    as each other (a power of two of seconds) Kubernetes takes one by chance, here it is the one of the shorter time.
    """
    status = view.status
    restarts = max((c.restart_count for c in status.containers), default=0)
    ready_since = status.ready_since if status.ready else 0.0
    return status.phase == "Running", status.ready, -ready_since, -restarts, -view.pod.created_at
