"""The sandbox of a pod (its network and shared namespaces), which a reboot of the node ends.

kubelet: pkg/kubelet/kuberuntime/kuberuntime_manager.go computePodActions (CreateSandbox), purgeInitContainers.
"""

from __future__ import annotations

import math
from dataclasses import replace

from crashy.kubelet.history import Histories
from crashy.kubelet.pod import ContainerRecord, Sandbox
from crashy.objects.pod import PodTemplate


class PodSandbox:
    """A pod's newest sandbox, `now`, and what is still known of the containers in those before it."""

    def __init__(self) -> None:
        self.now = Sandbox()
        self._since = -math.inf

    def lose(self) -> None:
        """End it."""
        self.now = replace(self.now, ready=False)

    def renew(self, now: float, attempt: int) -> None:
        """Make another one: init containers run again in it."""
        self.now, self._since = Sandbox(attempt=attempt), now

    def records(self, template: PodTemplate, histories: Histories) -> dict[str, ContainerRecord]:
        """Return the records of a pod's containers, without those of init containers in an earlier sandbox."""
        found = histories.records()
        for container in template.init_containers:
            newest = histories.newest(container.name)
            if newest and newest.started_at < self._since:
                found.pop(container.name, None)
        return found
