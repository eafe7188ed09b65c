"""A ReplicaSet's controller: keeps a number of pods of one template."""

from __future__ import annotations

import random
from collections.abc import Callable

from crashy.controllers.names import generated
from crashy.controllers.replicas import Replicas
from crashy.kubelet.runtime import Pod
from crashy.objects.pod import PodTemplate
from crashy.timeline import kinds
from crashy.timeline.kinds import Emit


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
    ) -> None:
        self.name = name
        self.namespace = namespace
        self.template = template
        self.created_at = created_at
        self.replicas = 0
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

    def _event(self, reason: str, message: str) -> None:
        source = "replicaset-controller"
        kinds.normal(self._emit, source, f"replicaset/{self.name}", reason, message, namespace=self.namespace)
