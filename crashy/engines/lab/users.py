"""Users' requests to the lab's Services, and which pod has answered each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from crashy.controllers.base import PodView
from crashy.engines.ingress import NO_ENDPOINT, passed_on
from crashy.engines.lab.addresses import Addresses
from crashy.engines.lab.dialling import gated
from crashy.engines.lab.network import LoopbackNetwork
from crashy.engines.lab.outside_faults import OutsideFaults
from crashy.objects.service import Service, ServicePort
from crashy.traffic.connection import Reply
from crashy.traffic.request import Target, ask


class Users:
    """Asks Services on new connections, by their proxies or past them; `pods` are those of the moment."""

    def __init__(
        self,
        network: LoopbackNetwork,
        addresses: Addresses,
        outside: OutsideFaults,
        pods: Callable[[], Sequence[PodView]],
    ) -> None:
        self._network = network
        self._addresses = addresses
        self._outside = outside
        self._pods = pods

    async def ask(self, service: Service, port: ServicePort, path: str, timeout: float) -> Reply:
        """Send a request to a Service."""
        reply = await ask(Target.of(self._network.url(service, port) + path), timeout)
        return self._named(reply, self._network.led_to(reply.client))

    async def ask_by_ingress(self, service: Service, port: ServicePort, path: str, timeout: float) -> Reply:
        """Send a request to a pod that the ingress chooses."""
        chosen = self._network.ingress.choose(service.namespace, service.name, port.port)
        if chosen is None:
            return NO_ENDPOINT
        gate = self._outside.users_gate(*chosen)
        async with gated(self._addresses.dial, chosen[0], gate) as dial:
            host, number = dial(*chosen)
            return passed_on(self._named(await ask(Target.of(f"http://{host}:{number}{path}"), timeout), chosen[0]))

    def _named(self, reply: Reply, ip: str | None) -> Reply:
        """Return a reply with the name of the pod at an address that gave it, where the app does not tell its own."""
        if not reply.status or reply.pod or ip is None:
            return reply
        return replace(reply, pod=next((view.pod.name for view in self._pods() if view.pod.ip == ip), ""))
