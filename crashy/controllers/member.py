"""A pod of the cluster, with what runs it and whose it is."""

from __future__ import annotations

from dataclasses import dataclass

from crashy.controllers.base import PodView
from crashy.controllers.workloads import Owner
from crashy.kubelet.driver import PodDriver
from crashy.kubelet.runtime import Pod


@dataclass(frozen=True, slots=True)
class Member:
    """A pod that exists, its driver and its owner (None for a bare pod)."""

    pod: Pod
    driver: PodDriver
    owner: Owner | None
    evicted: bool = False

    @property
    def view(self) -> PodView:
        """Return it as it is now."""
        return PodView(self.pod, self.driver.status, self.evicted)
