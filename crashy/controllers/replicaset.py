"""A ReplicaSet's controller: keeps a number of pods of one template.

kubernetes: pkg/controller/replicaset/{replica_set,replica_set_utils}.go. A ReplicationController is
one by another name.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

from crashy.controllers.replicas import Replicas
from crashy.controllers.steps import Steps
from crashy.kubelet.runtime import Pod
from crashy.objects.names import generated
from crashy.objects.pod import PodTemplate
from crashy.objects.replicaset import ReplicaSet
from crashy.timeline import kinds
from crashy.timeline.kinds import Emit

_SOURCES = {"ReplicaSet": "replicaset-controller", "ReplicationController": "replication-controller"}


class ReplicaSetController:
    """Creates missing pods and deletes surplus ones; pods that are being deleted don't count.

    `create` creates a pod of a given name, `delete` deletes one. The caller that runs the pods updates `pods` when
    they change, and calls `changed` afterwards.
    """

    def __init__(
        self,
        name: str,
        namespace: str,
        template: PodTemplate,
        *,
        create: Callable[[str, str, PodTemplate, ReplicaSetController], None],
        changed: Callable[[], None],
        delete: Callable[[Pod], None],
        emit: Emit,
        rng: random.Random,
        created_at: float,
        kind: str = "ReplicaSet",
    ) -> None:
        self.name = name
        self.namespace = namespace
        self.template = template
        self.created_at = created_at
        self.replicas = 0
        self._kind = kind
        self.pods = Replicas()
        self.changed = changed
        self._create = create
        self._delete = delete
        self._emit = emit
        self._rng = rng

    def sync(self) -> None:
        """Create missing pods and delete surplus ones."""
        too_many = self.pods.surplus(self.replicas)
        for _ in range(self.replicas - self.pods.active):
            name = generated(f"{self.name}-", self._rng)
            self._event("SuccessfulCreate", f"Created pod: {name}")
            self._create(name, self.namespace, self.template, self)
        for view in too_many:
            self._event("SuccessfulDelete", f"Deleted pod: {view.pod.name}")
            self._delete(view.pod)

    def status(self, now: float, min_ready_seconds: int) -> dict[str, Any]:
        """Return its status in the API's fields; a count of no pods is left out, as the API server does."""
        pods = self.pods
        counts = {
            "fullyLabeledReplicas": pods.active,
            "readyReplicas": pods.ready,
            "availableReplicas": pods.available(now, min_ready_seconds),
        }
        status = {"replicas": pods.active} | {field: count for field, count in counts.items() if count}
        return status | ({"terminatingReplicas": pods.terminating} if self._kind == "ReplicaSet" else {})

    def _event(self, reason: str, message: str) -> None:
        source, name = _SOURCES[self._kind], f"{self._kind.lower()}/{self.name}"
        kinds.normal(self._emit, source, name, reason, message, namespace=self.namespace)


class ReplicaSetWorkload:
    """Keeps a ReplicaSet, or a ReplicationController, that no Deployment has made: a new template is for new pods."""

    def __init__(
        self,
        workload: ReplicaSet,
        *,
        create: Callable[[str, str, PodTemplate, ReplicaSetController], None],
        delete: Callable[[Pod], None],
        emit: Emit,
        rng: random.Random,
    ) -> None:
        self.workload = workload
        self._loop = asyncio.get_running_loop()
        self.set = ReplicaSetController(
            workload.name,
            workload.namespace,
            workload.template,
            create=create,
            changed=self.sync,
            delete=delete,
            emit=emit,
            rng=rng,
            created_at=self._loop.time(),
            kind=workload.kind,
        )
        self.set.replicas = workload.replicas
        self._steps = Steps(self.set.sync, self.sync)

    def apply(self, workload: ReplicaSet) -> None:
        """Replace its specification."""
        self.workload = workload
        self.set.template, self.set.replicas = workload.template, workload.replicas
        self.sync()

    def sync(self) -> None:
        """Create missing pods and delete surplus ones."""
        self._steps.run()

    def owns(self, owner: object) -> bool:
        """Return whether `owner` is its set."""
        return owner is self.set

    def selects(self, pod: Pod) -> bool:
        """Return whether it selects a pod."""
        selector = self.workload.selector
        return pod.namespace == self.workload.namespace and bool(selector and selector.matches(pod.template.labels))

    def stop(self) -> None:
        """Do nothing: it has no timer."""

    def status(self) -> dict[str, Any]:
        """Return its status in the API's fields."""
        return self.set.status(self._loop.time(), self.workload.min_ready_seconds)
