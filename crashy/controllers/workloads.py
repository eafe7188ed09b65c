"""Who keeps a workload's pods: one controller a kind, which the cluster asks for by the kind's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from crashy.controllers.base import Pods
from crashy.controllers.daemonset import DaemonSetController
from crashy.controllers.deployment import DeploymentController
from crashy.controllers.replicaset import ReplicaSetWorkload
from crashy.controllers.statefulset import StatefulSetController
from crashy.objects.workload import Workload

W = TypeVar("W", bound=Workload)


class Owner(Protocol):
    """Who has created pods: what becomes of them is noted in `pods`, and `changed` is called afterwards."""

    @property
    def pods(self) -> Pods:
        """Return where to note them."""
        ...

    def changed(self) -> None:
        """Act on what was noted."""
        ...


class Controller(Protocol[W]):
    """Keeps the pods of `workload` as it has them; made of it and of the means `create`, `delete`, `emit` and `rng`."""

    workload: W

    def apply(self, workload: W) -> None:
        """Make its specification another one."""
        ...

    def sync(self) -> None:
        """Take the next steps."""
        ...

    def owns(self, owner: Owner) -> bool:
        """Return whether the pods of `owner` are its own."""
        ...

    def stop(self) -> None:
        """End what it waits for."""
        ...


CONTROLLERS: dict[str, Callable[..., Controller[Any]]] = {
    "DaemonSet": DaemonSetController,
    "Deployment": DeploymentController,
    "ReplicaSet": ReplicaSetWorkload,
    "ReplicationController": ReplicaSetWorkload,
    "StatefulSet": StatefulSetController,
}
"""A Pod has none: the cluster runs it as it is."""
