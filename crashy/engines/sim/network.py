"""The network of modelled pods: their addresses, and who chooses among them."""

from __future__ import annotations

import ipaddress
import random
from itertools import count

from crashy.engines.propagation import BalancedNetwork
from crashy.fields.units import Distribution
from crashy.objects.service import Service

LOOPBACK = ("127.", "::1", "0.0.0.0")
"""How the addresses of the node itself begin: no pod listens there."""


def resolve(host: str) -> str:
    """Return the address of a probe's host as the node finds it, empty if it finds none.

    A node knows itself and nobody else: no Service has a name there, and a sim no world around it.
    """
    if host.lower() == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return ""


class SimNetwork(BalancedNetwork):
    """Addresses as a cluster gives them; proxies and ingress hear of changes after their delays, drawn from `rng`."""

    def __init__(self, rng: random.Random, propagation: Distribution, ingress: Distribution) -> None:
        super().__init__(rng, propagation, ingress)
        self._pods = count(2)
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
