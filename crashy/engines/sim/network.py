"""The network of modelled pods: addresses, and for each Service's port whom it leads to."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Mapping, Sequence
from itertools import count

from crashy.objects.service import Service, ServicePort

LOOPBACK = ("127.", "::1", "0.0.0.0")
"""How the addresses of the node itself begin: no pod listens there."""

Places = Sequence[tuple[str, int]]


def resolve(host: str) -> str:
    """Return the address of a probe's host as the node finds it, empty if it finds none.

    A node knows itself and nobody else: no Service has a name there, and a sim no world around it.
    """
    if host == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return ""


class SimNetwork:
    """Addresses as a cluster gives them; `rng` chooses among a port's endpoints, for each connection anew."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._pods = count(2)
        self._places: dict[tuple[str, str, int], Places] = {}
        self.cluster_ips: dict[tuple[str, str], tuple[Service, str]] = {}

    def pod_ip(self) -> str:
        """Return an address for a new pod: 10.244.0.0/16, and on from there."""
        number = next(self._pods)
        return f"10.{244 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"

    def add(self, service: Service) -> None:
        """Return a Service its address, which stays when it is added again."""
        key = (service.namespace, service.name)
        number = len(self.cluster_ips) + 1
        _, ip = self.cluster_ips.get(key, (service, f"10.96.{number >> 8}.{number & 255}"))
        self.cluster_ips[key] = (service, ip)

    def publish(self, service: Service, backends: Mapping[int, Places]) -> None:
        """Set who gets the new connections to each port of a Service."""
        for port, places in backends.items():
            self._places[service.namespace, service.name, port] = places

    def choose(self, service: Service, port: ServicePort) -> tuple[str, int] | None:
        """Choose the endpoint of a new connection; None where there is none."""
        places = self._places.get((service.namespace, service.name, port.port))
        return self._rng.choice(places) if places else None
