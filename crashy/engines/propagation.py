"""What chooses the endpoint of each connection, and hears of a Service's change a moment after its EndpointSlice.

That moment is when a pod that has left, or ended, still gets users. Source: kubernetes: pkg/proxy/iptables/proxier.go
(kube-proxy writes a node's rules at most once a second).
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Mapping, Sequence

from crashy.fields.units import Distribution, Fixed
from crashy.objects.service import Service

Places = Sequence[tuple[str, int]]
AT_ONCE = Fixed(0.0)


class Balancer:
    """A node's kube-proxy, or an ingress: each change reaches it after a `delay` of its own, never before an older one.

    It chooses among the endpoints that it knows, for each connection anew. All chance comes from `rng`, at the start
    the seed of the delays, so that the number of connections does not change them.
    """

    def __init__(self, delay: Distribution, rng: random.Random) -> None:
        self._delay = delay
        self._rng = rng
        self._delays = random.Random(rng.getrandbits(64))
        self._places: dict[tuple[str, str, int], Places] = {}
        self._coming: deque[tuple[Service, Mapping[int, Places]]] = deque()
        self._due = 0.0  # when the last of them comes
        self._heard = 0
        self._next = asyncio.Event()  # set by the next one

    def publish(self, service: Service, backends: Mapping[int, Places]) -> None:
        """Set who gets the new connections to each port of a Service; connections that are there stay."""
        loop = asyncio.get_running_loop()
        self._coming.append((service, backends))
        self._due = max(self._due, loop.time() + self._delay.sample(self._delays))
        if self._due > loop.time():
            loop.call_at(self._due, self._hear)
        else:
            self._hear()

    def _hear(self) -> None:
        service, backends = self._coming.popleft()
        for port, places in backends.items():
            self._places[service.namespace, service.name, port] = places
        self._heard += 1
        self._next.set()
        self._next = asyncio.Event()

    def choose(self, namespace: str, service: str, port: int) -> tuple[str, int] | None:
        """Choose the endpoint of a new connection to a Service's port; None where it knows of none."""
        places = self._places.get((namespace, service, port))
        return self._rng.choice(places) if places else None

    @property
    def is_caught_up(self) -> bool:
        """Whether it has heard of every change."""
        return not self._coming

    async def caught_up(self) -> None:
        """Wait until it has heard of every change until now."""
        published = self._heard + len(self._coming)
        while self._heard < published:
            await self._next.wait()


class BalancedNetwork:
    """A network that tells both who choose for users: the node's kube-proxy, and an ingress. All chance is `rng`'s."""

    def __init__(self, rng: random.Random, propagation: Distribution, ingress: Distribution) -> None:
        self.kube_proxy = Balancer(propagation, rng)
        self.ingress = Balancer(ingress, rng)

    def publish(self, service: Service, backends: Mapping[int, Places]) -> None:
        """Set who gets the new connections to each port of a Service, for those who hear of it later."""
        self.kube_proxy.publish(service, backends)
        self.ingress.publish(service, backends)

    def balancer(self, *, ingress: bool) -> Balancer:
        """Return who chooses for users, who come through the ingress or to the Services' addresses."""
        return self.ingress if ingress else self.kube_proxy
