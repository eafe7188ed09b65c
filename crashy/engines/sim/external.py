"""Where ExternalName Services lead: through the faults before them, to a server elsewhere that is well."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from crashy.controllers.cluster import Cluster
from crashy.controllers.dns import find, full_name, spelled
from crashy.engines import service_faults
from crashy.engines.gates import FaultGate
from crashy.engines.sim.passing import HEAD, Passing
from crashy.engines.sim.process import Condition, Refuse
from crashy.faults.base import Fault
from crashy.faults.kinds.drip import BodyPaced
from crashy.faults.kinds.truncate import BodyTruncated
from crashy.faults.scope import Client
from crashy.objects.pod import Handler, HTTPGet
from crashy.objects.service import Service
from crashy.patient.answers import Answer
from crashy.patient.dependencies import Dependency

_TALKED = {"redis": 21, "mysql": 300}
"""The bytes of a look at what isn't HTTP, both ways."""


class Asks(Protocol):
    """What carries a request to a pod's port, as `SimRuntime.ask` does."""

    async def __call__(self, ip: str, handler: Handler, port: int, within: float) -> Condition:
        """Return the response of who listens there, after at most `within` seconds."""
        ...


def refusal(service: Service, fault: Fault) -> str:
    """Return why a fault can't act on the connections to a Service, on sim; empty if it can."""
    if fault.change in {BodyTruncated, BodyPaced}:
        return f"{fault.name}: not on sim: what such a Service leads to sends no bytes there: abort or latency would do"
    return service_faults.refusal(service, fault)


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

    async def respond(self, service: Service, number: int, handler: Handler, within: float) -> Condition:
        """Return the response to a request to a Service's port.

        Where it takes time to know, this takes the time; no condition's latency is shorter.
        """
        return await Passing(self._gate(service), self._behind(service, number, handler), "users").respond(
            handler, number, within
        )

    async def look(self, service: Service, dependency: Dependency, handler: Handler, within: float) -> Condition:
        """Return the response to a look at a dependency, which asks pods by this handler; see `respond`.

        Of HTTP it reads a line; of what isn't HTTP nothing is looked into on the way.
        """
        kind, number = dependency.kind, dependency.port
        passing = Passing(
            self._gate(service),
            self._behind(service, number, handler),
            "users",
            head=_TALKED.get(kind, HEAD),
            read_all=kind not in {"http", "https"},
        )
        asks = HTTPGet(number, "/", scheme="HTTPS") if kind in _TALKED else handler
        return await passing.respond(asks, number, within)

    def _behind(self, service: Service, number: int, handler: Handler) -> _Behind:
        return _Behind(lambda within: self._on(service, number, handler, within))

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
