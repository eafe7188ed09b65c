"""A Service's controller: which pods get its new connections."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from crashy.controllers.base import Network, PodView
from crashy.controllers.endpoints import Endpoint, pod_to_endpoint, usable
from crashy.kubelet.recorder import Emit
from crashy.objects.pod import PodTemplate
from crashy.objects.ports import PortError, find_port
from crashy.objects.service import Service


class ServiceController:
    """Publishes a Service's endpoints to the network whenever they change."""

    def __init__(self, service: Service, network: Network, emit: Emit) -> None:
        self.service = service
        self.created_at = asyncio.get_running_loop().time()
        self.ready: dict[int, list[tuple[str, int]]] = {}  # by the Service's port: where its ready endpoints are
        self._network = network
        self._emit = emit
        self._published: object = None

    def apply(self, service: Service, pods: Sequence[PodView]) -> None:
        """Make it another Service of that name."""
        self.service = service
        self._published = None
        self.sync(pods)

    def sync(self, pods: Sequence[PodView]) -> None:
        """Set which endpoints get new connections from now on."""
        service = self.service
        selected = [p for p in pods if p.pod.namespace == service.namespace and service.selects(p.pod.template.labels)]
        endpoints: list[tuple[PodView, Endpoint]] = []
        for view in selected:
            endpoint = pod_to_endpoint(view.status, publish_not_ready_addresses=service.publish_not_ready_addresses)
            if endpoint:
                endpoints.append((view, endpoint))
        chosen = usable([endpoint for _, endpoint in endpoints])
        serving = [view for view, endpoint in endpoints if endpoint in chosen]
        state = [(view.pod.uid, endpoint) for view, endpoint in endpoints]
        if state == self._published:
            return
        self._published = state
        ready = [view for view, endpoint in endpoints if endpoint.ready]
        self.ready = {port.port: _places(ready, port.target_port) for port in service.ports}
        self._network.publish(service, {port.port: _places(serving, port.target_port) for port in service.ports})
        self._emit(
            "endpointslice-controller",
            "endpoints",
            f"service/{service.name}",
            namespace=service.namespace,
            ready=[view.pod.name for view in ready],
            not_ready=[view.pod.name for view, endpoint in endpoints if not endpoint.ready],
            serving=[view.pod.name for view in serving],
        )


def _places(pods: Sequence[PodView], target: int | str) -> list[tuple[str, int]]:
    found = ((view.pod.ip, _port(view.pod.template, target)) for view in pods)
    return [(ip, port) for ip, port in found if port]


def _port(template: PodTemplate, target: int | str) -> int | None:
    """Return a target port's number: a name is looked for in all containers; a pod without it gets no connections."""
    if isinstance(target, int):
        return target
    for container in template.containers:
        if any(port.name == target for port in container.ports):
            try:
                return find_port(container, target)
            except PortError:
                return None
    return None
