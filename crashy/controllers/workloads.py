"""The controllers of workloads, by the kind's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from crashy.controllers.deployment import DeploymentController
from crashy.controllers.replicas import Replicas
from crashy.objects.workload import Workload

W = TypeVar("W", bound=Workload)


class Owner(Protocol):
    """The creator of pods: their changes are recorded in `pods`, and `changed` is called afterwards."""

    pods: Replicas

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


CONTROLLERS: dict[str, Callable[..., Controller[Any]]] = {"Deployment": DeploymentController}
"""A Pod has none: the cluster runs it as it is."""
