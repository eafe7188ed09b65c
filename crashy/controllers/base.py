"""The controllers' inputs: pods with their current status, and the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from crashy.kubelet.runtime import Pod
from crashy.objects.service import Service
from crashy.objects.status import PodStatus
from crashy.objects.workload import Key, Workload
from crashy.targets import Facts

NODE = "crashy-lab"
Stoppable = Literal["kubelet", "node"]


@dataclass(frozen=True, slots=True)
class PodView:
    """A pod that exists, its current status, and whether it was `evicted` (its condition DisruptionTarget)."""

    pod: Pod
    status: PodStatus
    evicted: bool = False

    def facts(self) -> Facts:
        """Return the facts that selectors match on."""
        return Facts(self.pod.name, self.status.ready, self.pod.template.labels)


class Pods(Protocol):
    """The pods of one owner: each is recorded when it is created, changes or is gone."""

    def put(self, view: PodView) -> None:
        """Record a pod that was created or has changed."""
        ...

    def drop(self, uid: str) -> None:
        """Remove a pod that is gone."""
        ...


class Views(dict[str, PodView]):
    """Pods as they are, by their uids, in the order of their creation."""

    def put(self, view: PodView) -> None:
        """Record a pod that was created or has changed."""
        self[view.pod.uid] = view

    def drop(self, uid: str) -> None:
        """Remove a pod that is gone."""
        self.pop(uid, None)


class Workloads(Protocol):
    """What a controller may do to whole workloads: a CronJob's creates Jobs, a Job's deletes it after its time."""

    def start(self, workload: Workload) -> Any:
        """Create a workload, and return its controller."""

    def remove(self, key: Key) -> None:
        """Delete a workload, its pods and its Jobs; one that does not exist is no error."""


class Network(Protocol):
    """Addresses for pods, and Services that forward connections to them."""

    def pod_ip(self) -> str:
        """Return an address for a new pod."""

    def publish(self, service: Service, backends: Mapping[int, Sequence[tuple[str, int]]]) -> None:
        """Set which addresses and ports get the new connections to each port of a Service."""
