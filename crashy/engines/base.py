"""What an engine is to those above it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from crashy.controllers.base import PodView, Stoppable
from crashy.faults.base import Fault
from crashy.kubelet.runtime import Pod
from crashy.objects.manifests import Manifests
from crashy.objects.pod import PodTemplate
from crashy.objects.service import Service, ServicePort
from crashy.objects.workload import Workload
from crashy.traffic.connection import Reply

NO_STOP = "restart and stop: not on a cluster, whose kubelets and nodes run others' pods too: use --on lab or --on sim"
"""Why an engine refuses `Engine.stop`."""
NO_PROXY = (
    "target: service/NAME: not on a cluster, where an ExternalName Service is a name alone: run crashy proxy there, "
    "as a Deployment, and inject by its admin API; or use --on lab or --on sim"
)
"""Why an engine refuses faults before a Service."""


class Engine(Protocol):
    """Runs manifests somewhere; everything that happens there is an event on its timeline."""

    async def apply(self, manifests: Manifests) -> None:
        """Start what the manifests describe; raises BadInput where that can't be, with nothing started."""
        ...

    def pods(self) -> Sequence[PodView]:
        """Return the pods that are there, in the order of their creation."""
        ...

    def takes_faults(self, pod: Pod) -> bool:
        """Return whether faults can be injected into a pod."""
        ...

    def refusal(self, template: PodTemplate, fault: Fault, container: str = "") -> str:
        """Return why a container of such pods can't take a fault, and what would do; empty if it can.

        Without a name it is the patient, else the first one.
        """
        ...

    async def inject(self, pod: Pod, spec: str, container: str = "") -> None:
        """Inject a fault spec into a container of a pod; what became of it is on the timeline."""
        ...

    async def recover(self, pod: Pod, which: str = "all") -> None:
        """Take back every fault of a pod, or those of one name; what became of it is on the timeline."""
        ...

    def service_refusal(self, service: Service, fault: Fault) -> str:
        """Return why a fault can't act on the connections to a Service; empty if it can."""
        ...

    async def inject_service(self, service: Service, spec: str) -> None:
        """Let a fault spec act on the connections to an ExternalName Service; the outcome is on the timeline."""
        ...

    async def recover_service(self, service: Service, which: str = "all") -> None:
        """Take back every fault of a Service, or those of one name; the outcome is on the timeline."""
        ...

    async def exec(self, pod: Pod, container: str, command: tuple[str, ...], timeout: float) -> str:
        """Run a command in a container of a pod for at most `timeout` seconds, and return how it ended."""
        ...

    def delete(self, pod: Pod, grace: int | None = None) -> None:
        """Delete a pod gracefully, as `kubectl delete pod` does; what it belongs to makes another."""
        ...

    async def evict(self, pod: Pod) -> None:
        """Delete a pod as the Eviction API does; raises EvictionRefusedError where a budget does not allow it."""
        ...

    def cordon(self) -> bool:
        """Make the node unschedulable; return whether it was schedulable. Raises BadInput where that can't be."""
        ...

    def uncordon(self) -> None:
        """Make the node schedulable, and bind the pods that are waiting. Raises BadInput where that can't be."""
        ...

    async def stop(self, what: Stoppable) -> bool:
        """Stop the kubelet, or the whole node; return whether it was running. Raises BadInput where that can't be."""
        ...

    async def start(self) -> None:
        """Start again what was stopped, and return when the kubelet knows its pods."""
        ...

    def bound(self, pod: Pod) -> bool:
        """Return whether a pod has a node."""
        ...

    def owner(self, pod: Pod) -> Workload | None:
        """Return the workload that a pod belongs to; None for one that is its own."""
        ...

    def scale(self, workload: Workload, replicas: int) -> None:
        """Set a workload's number of replicas."""
        ...

    async def reachable(self, service: Service, port: ServicePort, *, ingress: bool) -> None:
        """Wait until those who choose for users know a Service's endpoints of this moment."""
        ...

    async def ask(
        self, service: Service, port: ServicePort, path: str, timeout: float, *, ingress: bool = False
    ) -> Reply:
        """Send a user's request to a Service, or through an `ingress` to its pods, on a connection of its own.

        Return what came back within `timeout` seconds.
        """
        ...
