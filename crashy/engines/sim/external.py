"""Where ExternalName Services lead: through the faults before them, to a server elsewhere that is well."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from crashy.controllers.cluster import Cluster
from crashy.controllers.dns import find, full_name, spelled
from crashy.engines.gates import FaultGate
from crashy.engines.sim.passing import Passing
from crashy.engines.sim.process import Condition, Refuse
from crashy.faults.scope import Client
from crashy.objects.pod import Handler
from crashy.objects.service import Service
from crashy.patient.answers import Answer


class Asks(Protocol):
    """What carries a request to a pod's port, as `SimRuntime.ask` does."""

    async def __call__(self, ip: str, handler: Handler, port: int, within: float) -> Condition:
        """Return the response of who listens there, after at most `within` seconds."""
        ...


class External:
    """The ExternalName Services of a sim that have ports; `gate` returns what stands before one.

    What is elsewhere answers at once, whatever it is asked; one that leads to another Service of the sim leads to one
    of its pods, chosen by chance.
    """

    def __init__(
        self,
        cluster: Cluster,
        ask: Asks,
        services: Mapping[tuple[str, str], tuple[Service, str]],
        gate: Callable[[Service], FaultGate],
        rng: random.Random,
    ) -> None:
        self._cluster = cluster
        self._ask = ask
        self._services = services
        self._gate = gate
        self._rng = rng

    def find(self, namespace: str, host: str, port: int) -> Service | None:
        """Return the Service that a pod of a namespace means by a name, or by an address of its variables."""
        for service, ip in self._services.values():
            named = host.rstrip(".") in {ip, *spelled(service.name, service.namespace, namespace)}
            if named and service.type == "ExternalName" and any(one.port == port for one in service.ports):
                return service
        return None

    async def respond(
        self, service: Service, number: int, handler: Handler, within: float, inner: Handler | None = None
    ) -> Condition:
        """Return the response to a request to a Service's port; pods behind it are asked by `inner`, if it is another.

        Where it takes time to know, this takes the time; no condition's latency is shorter.
        """
        behind = _Behind(lambda seconds: self._on(service, number, inner or handler, seconds))
        return await Passing(self._gate(service), behind, "users", lambda: False).respond(handler, number, within)

    async def _on(self, service: Service, number: int, handler: Handler, within: float) -> Condition:
        port = next(one for one in service.ports if one.port == number)
        wanted = port.target_port if isinstance(port.target_port, int) else number
        for other, _ in self._services.values():
            if other.type != "ExternalName" and service.external_name == full_name(other.name, other.namespace):
                places = find(self._cluster.services(), self._cluster.pods(), "", service.external_name, wanted)
                if not places:
                    return Refuse()
                ip, own = self._rng.choice(places)
                return await self._ask(ip, handler, own, within)
        return Answer(body="")


class _Behind:
    """What listens behind a Service, as `Passing` asks it."""

    def __init__(self, respond: Callable[[float], Awaitable[Condition]]) -> None:
        self._respond = respond

    def listens(self, port: int) -> bool:
        return True

    async def respond(self, handler: Handler, port: int, within: float, client: Client) -> Condition:
        del handler, port, client
        return await self._respond(within)

    def terminate(self) -> None:
        pass

    def ended(self) -> None:
        pass
