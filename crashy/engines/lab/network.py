"""The lab's network: each pod's address, each Service's address, ports and proxies."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from crashy.controllers.dns import full_name
from crashy.engines.lab.addresses import ANY_HOST, Addresses
from crashy.engines.propagation import AT_ONCE, BalancedNetwork
from crashy.errors import BadInput
from crashy.fields.units import Distribution
from crashy.objects.service import NODE_PORTS, Service, ServicePort
from crashy.traffic.splice.gate import Gate
from crashy.traffic.splice.proxy import Proxy
from crashy.traffic.splice.upstream import Upstream

Place = tuple[str, int]
"""Where a program of this machine can connect to: host and port."""
Target = tuple[str, str, int]
"""A Service's namespace, name and port."""
REMEMBERED = 4096
"""Clients of which it is known where they were led; more than 1,000 at once don't ask."""


@dataclass(slots=True)
class _Plan:
    """What is to be open, and the sockets that this takes; with `errors` nothing comes of it."""

    targets: dict[Place, Target]
    node_ports: dict[Target, int]
    services: dict[tuple[str, str], tuple[Service, str]] = field(default_factory=dict)
    listeners: dict[Place, socket.socket] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


class LoopbackNetwork(BalancedNetwork):
    """Services as proxies on loopback; they and the ingress hear of changes after their delays, drawn from `rng`.

    `gate` returns what users pass before they reach a pod's address and port, `service_gate` what they pass before an
    ExternalName Service leads them on.
    """

    def __init__(
        self,
        addresses: Addresses,
        rng: random.Random,
        propagation: Distribution = AT_ONCE,
        ingress: Distribution = AT_ONCE,
        *,
        gate: Callable[[str, int], Gate | None] = lambda _ip, _port: None,
        service_gate: Callable[[Service], Gate | None] = lambda _service: None,
    ) -> None:
        super().__init__(rng, propagation, ingress)
        self._addresses = addresses
        self._gate = gate
        self._service_gate = service_gate
        self._rng = rng
        self._services: dict[tuple[str, str], tuple[Service, str]] = {}
        self._targets: dict[Place, Target] = {}
        self._proxies: dict[Place, Proxy] = {}
        self._retired: list[Proxy] = []
        self._led = Counter[Place]()
        self._clients: dict[Place, str] = {}
        self._opening: set[asyncio.Future[None]] = set()
        self._node_ports: dict[Target, int] = {}

    @property
    def cluster_ips(self) -> list[tuple[Service, str]]:
        """Return each Service with its address."""
        return list(self._services.values())

    def pod_ip(self) -> str:
        """Return an address for a new pod."""
        return self._addresses.pod_ip()

    async def open(self, services: Sequence[Service]) -> None:
        """Return each Service its address and answer on its ports, and on no others that it had.

        What is open already stays so, whichever Service has it from now on. Raises BadInput that names each port that
        is taken, with nothing changed.
        """
        plan = self._plan(services)
        if plan.errors:
            for listener in plan.listeners.values():
                listener.close()
            raise BadInput(*plan.errors)
        self._services |= plan.services
        self._node_ports = plan.node_ports
        self._targets = plan.targets
        for place in [place for place in self._proxies if place not in self._targets]:
            self._retire(place)
        for place, listener in plan.listeners.items():
            await self._accept(place, listener)

    async def _accept(self, place: Place, listener: socket.socket) -> None:
        self._proxies[place] = Proxy(listener, lambda: self._choose(place))
        await self._proxies[place].start()

    def _retire(self, place: Place) -> None:
        self._retired.append(self._proxies.pop(place))
        self._retired[-1].retire()

    def passages(self, service: Service) -> list[dict[str, Any]]:
        """Return where an ExternalName Service's proxies listen and lead, and how many connections each has and had."""
        key, found = (service.namespace, service.name), []
        for place, proxy in self._proxies.items():
            namespace, name, number = self._targets[place]
            if (namespace, name) == key:
                upstream = self._lead_on(service, number)
                ends = {"listens": f"{place[0]}:{place[1]}", "upstream": f"{upstream.host}:{upstream.port}"}
                found.append({**ends, "connections": proxy.open, "accepted": self._led[place]})
        return found

    def shut(self, service: Service) -> Callable[[], None]:
        """Let nothing listen for a Service; what is returned lets it listen again. Its connections stay."""
        key = (service.namespace, service.name)
        places = [place for place in self._proxies if self._targets[place][:2] == key]
        for place in places:
            self._retire(place)

        def again() -> None:
            for place in places:
                if place in self._targets and place not in self._proxies:
                    self._opening.add(asyncio.ensure_future(self._accept(place, _listener(*place))))

        return again

    def _plan(self, services: Sequence[Service]) -> _Plan:
        changed = {(service.namespace, service.name) for service in services}
        plan = _Plan(
            targets={place: target for place, target in self._targets.items() if target[:2] not in changed},
            node_ports={target: number for target, number in self._node_ports.items() if target[:2] not in changed},
        )
        for service in services:
            key = (service.namespace, service.name)
            ip = self._services[key][1] if key in self._services else self._addresses.cluster_ip()
            plan.services[key] = (service, ip)
            for port in _forwarded(service):
                target = (*key, port.port)
                self._take(plan, service, (self._addresses.host(ip), self._addresses.listen(ip, port.port)), target)
                if service.type in {"NodePort", "LoadBalancer"}:
                    number = port.node_port or self._node_ports.get(target) or self._free_node_port(plan)
                    plan.node_ports[target] = number
                    self._take(plan, service, (ANY_HOST, number), target)
        return plan

    def _take(self, plan: _Plan, service: Service, place: Place, target: Target) -> None:
        if place in plan.targets:
            holder = plan.targets[place][1]
            plan.errors.append(f"{_name(service, place)}: provided port is already allocated to Service/{holder}")
        elif place not in self._proxies:
            try:
                plan.listeners[place] = _listener(*place)
            except OSError as error:
                plan.errors.append(_taken(service, place, error))
        plan.targets[place] = target

    def _free_node_port(self, plan: _Plan) -> int:
        for number in self._rng.sample(NODE_PORTS, len(NODE_PORTS)):
            if (ANY_HOST, number) in plan.targets or (ANY_HOST, number) in self._proxies:
                continue
            try:
                _listener(ANY_HOST, number).close()
            except OSError:
                continue
            return number
        raise BadInput(f"no port from {NODE_PORTS[0]} to {NODE_PORTS[-1]} of {ANY_HOST} is free")

    def _choose(self, place: Place) -> Upstream | None:
        namespace, name, number = self._targets[place]
        service, _ = self._services[namespace, name]
        if service.type == "ExternalName":
            self._led[place] += 1
            return self._lead_on(service, number)
        chosen = self.kube_proxy.choose(namespace, name, number)
        if chosen is None:
            return None
        led = partial(self._lead, chosen[0])
        return Upstream(*self._addresses.dial(*chosen), gate=self._gate(*chosen), led=led)

    def _lead(self, ip: str, client: Place) -> None:
        self._clients.pop(client, None)
        self._clients[client] = ip
        if len(self._clients) > REMEMBERED:
            del self._clients[next(iter(self._clients))]

    def led_to(self, client: Place) -> str | None:
        """Return the address of the pod to which a client was led that has connected of late from that address."""
        return self._clients.pop(client, None)

    def _lead_on(self, service: Service, number: int) -> Upstream:
        """Return where an ExternalName Service's port leads: to another Service of the lab, or out of it."""
        port = next(one for one in service.ports if one.port == number)
        wanted, gate = port.target_port if isinstance(port.target_port, int) else number, self._service_gate(service)
        for other, ip in self._services.values():
            if other.type != "ExternalName" and service.external_name == full_name(other.name, other.namespace):
                return Upstream(*self._addresses.dial(ip, wanted), gate=gate)
        return Upstream(service.external_name, wanted, gate=gate)

    def urls(self) -> list[tuple[Service, ServicePort, str]]:
        """Return where this machine's programs find each port of each Service."""
        return [(s, port, self.url(s, port)) for s, _ in self.cluster_ips for port in _forwarded(s)]

    def url(self, service: Service, port: ServicePort) -> str:
        """Return where this machine's programs find a Service: its NodePort if it has one, else its own address."""
        number = self._node_ports.get((service.namespace, service.name, port.port))
        _, ip = self._services[service.namespace, service.name]
        host, number = (ANY_HOST, number) if number else self._addresses.dial(ip, port.port)
        return f"http://{host}:{number}"

    def node_port(self, namespace: str, name: str, port: int) -> int | None:
        """Return the NodePort of a Service's port, if it has one."""
        return self._node_ports.get((namespace, name, port))

    def close(self) -> None:
        """Close every port and every connection."""
        for opening in self._opening:
            opening.cancel()
        for proxy in (*self._proxies.values(), *self._retired):
            proxy.close()
        self._addresses.close()


def _forwarded(service: Service) -> list[ServicePort]:
    return [port for port in service.ports if port.protocol == "TCP"]


def _listener(host: str, port: int) -> socket.socket:
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1)
    except OSError:
        listener.close()
        raise
    return listener


def _name(service: Service, place: Place) -> str:
    return f"{service.source}: Service/{service.name}: {place[0]}:{place[1]}"


def _taken(service: Service, place: Place, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{_name(service, place)}: another program listens there; stop it, or give another nodePort"
    return f"{_name(service, place)}: {os.strerror(error.errno or 0)}"
