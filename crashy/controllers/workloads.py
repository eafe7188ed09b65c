"""The controllers of workloads, by the kind's name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

from crashy.controllers.base import Pods
from crashy.controllers.cronjob import CronJobController
from crashy.controllers.daemonset import DaemonSetController
from crashy.controllers.deployment import DeploymentController
from crashy.controllers.job import JobController
from crashy.controllers.replicaset import ReplicaSetWorkload
from crashy.controllers.statefulset import StatefulSetController
from crashy.kubelet.runtime import Pod
from crashy.objects.workload import Workload

W = TypeVar("W", bound=Workload)


class Owner(Protocol):
    """The creator of pods: their changes are recorded in `pods`, and `changed` is called afterwards."""

    @property
    def pods(self) -> Pods:
        """Return where to note them."""
        ...

    def changed(self) -> None:
        """Act on the recorded changes."""


class Controller(Protocol[W]):
    """Keeps the pods of `workload` as specified; constructed with it and `create`, `delete`, `emit` and `rng`."""

    workload: W

    def apply(self, workload: W) -> None:
        """Replace its specification."""

    def sync(self) -> None:
        """Take the next steps."""

    def owns(self, owner: Owner) -> bool:
        """Return whether `owner` belongs to it."""

    def stop(self) -> None:
        """Cancel its timers."""


CONTROLLERS: dict[str, Callable[..., Controller[Any]]] = {
    "CronJob": CronJobController,
    "DaemonSet": DaemonSetController,
    "Deployment": DeploymentController,
    "Job": JobController,
    "ReplicaSet": ReplicaSetWorkload,
    "ReplicationController": ReplicaSetWorkload,
    "StatefulSet": StatefulSetController,
}
"""A Pod has none: the cluster runs it as it is."""
OF_WORKLOADS = frozenset({"CronJob", "Job"})
"""The kinds whose controllers create or delete workloads: their controllers are given `workloads` for that."""


def claimant(controllers: Iterable[Controller[Any]], pod: Pod, owner: Owner | None) -> Owner | None:
    """Return who owns a pod by the labels that it has now; those of other kinds than ReplicaSets keep theirs.

    kubernetes: pkg/controller/controller_ref_manager.go ClaimPods
    """
    sets = [one for one in controllers if isinstance(one, ReplicaSetWorkload)]
    if owner is not None and not any(one.owns(owner) for one in sets):
        return owner
    return next((one.set for one in sets if one.selects(pod)), None)
