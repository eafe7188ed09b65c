"""What an engine leaves to its `Cluster`: pods, workloads and the node; the lab and the sim build on it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from crashy.controllers.base import PodView, Stoppable
from crashy.controllers.cluster import Cluster
from crashy.engines.propagation import BalancedNetwork
from crashy.engines.service_faults import ServiceFaults
from crashy.faults.base import FaultError
from crashy.kubelet.runtime import Pod
from crashy.objects.service import Service, ServicePort
from crashy.objects.workload import Workload


class ClusteredEngine:
    """The methods of an `Engine` that are the same wherever the cluster's containers run."""

    def __init__(self, cluster: Cluster, network: BalancedNetwork, services: ServiceFaults) -> None:
        self._cluster = cluster
        self._balancer = network.balancer
        self._services = services

    def pods(self) -> Sequence[PodView]:
        """Return the existing pods, in the order of their creation."""
        return self._cluster.pods()

    def delete(self, pod: Pod, grace: int | None = None) -> None:
        """Delete a pod gracefully; its controller creates another."""
        self._cluster.delete(pod, grace)

    async def evict(self, pod: Pod) -> None:
        """Delete a pod as the Eviction API does; raises EvictionRefusedError where a budget does not allow it."""
        self._cluster.evict(pod)

    def cordon(self) -> bool:
        """Make the node unschedulable; return whether it was schedulable before."""
        return self._cluster.scheduler.cordon()

    def uncordon(self) -> None:
        """Make the node schedulable, and bind the pods that are waiting for it."""
        self._cluster.scheduler.uncordon()

    async def stop(self, what: Stoppable) -> bool:
        """Stop the kubelet, or the whole node with its containers; return whether it was running."""
        return await self._cluster.node.stop(what)

    async def start(self) -> None:
        """Start again what was stopped, and return when the kubelet knows its pods."""
        await self._cluster.node.start()

    def bound(self, pod: Pod) -> bool:
        """Return whether a pod has a node."""
        return not self._cluster.scheduler.waits(pod)

    def owner(self, pod: Pod) -> Workload | None:
        """Return the workload that a pod belongs to; None for a bare pod."""
        return self._cluster.owner(pod)

    def scale(self, workload: Workload, replicas: int) -> None:
        """Set a workload's number of replicas."""
        self._cluster.scale(workload, replicas)

    async def inject_service(self, service: Service, spec: str) -> None:
        """Let a fault spec act on the connections to an ExternalName Service; the outcome is on the timeline."""
        with suppress(FaultError):
            self._services.inject(service, spec)

    async def recover_service(self, service: Service, which: str = "all") -> None:
        """Take back every fault of a Service, or those of one name; the outcome is on the timeline."""
        self._services.recover(service, None if which == "all" else which)

    async def reachable(self, service: Service, port: ServicePort, *, ingress: bool) -> None:
        """Wait until the Services' proxies, or the ingress, know all endpoints of this moment."""
        del service, port
        await self._balancer(ingress=ingress).caught_up()
