"""The faults that act on the connections to ExternalName Services, on any engine that has proxies for them."""

from __future__ import annotations

import random
from collections.abc import Callable
from types import ModuleType
from typing import Any

from crashy.engines.fault_driver import FaultDriver
from crashy.engines.gates import FaultGate
from crashy.engines.outside_process import Process
from crashy.faults.base import Fault, FaultError, parse_spec
from crashy.faults.injected import InjectedFault
from crashy.faults.proxied import proxied
from crashy.objects.service import Service
from crashy.timeline import Timeline, kinds


def unproxied(service: Service) -> str:
    """Return why faults can't act on the connections to a Service; empty if they can."""
    if service.type != "ExternalName":
        pods = f"all or '1 of {labels}'" if (labels := ",".join(map("=".join, service.selector.items()))) else "all"
        return f"has pods: faults act on those, as {pods}; only an ExternalName Service has a proxy of its own"
    return "" if service.ports else "has no spec.ports, so that there is no proxy for it"


def refusal(service: Service, fault: Fault) -> str:
    """Return why a fault can't act on the connections to a Service; empty if it can."""
    if why := unproxied(service):
        return why
    try:
        proxied(fault)
    except FaultError as error:
        return str(error)
    return ""


Shut = Callable[[Service], Callable[[], None]]
"""Lets nothing listen for a Service, and returns what lets it listen again; connections that are there stay."""


class _Door(Process[Any]):
    """What is connected to before a Service: to refuse connections, it is shut."""

    def __init__(self, warn: Callable[[str], None], shut: Callable[[], Callable[[], None]]) -> None:
        super().__init__(warn)
        self._shut = shut
        self._again: Callable[[], None] = lambda: None
        self._refusing = 0

    def refuse(self, clients: str) -> Callable[[], None]:
        """Refuse new connections of users or all; what is returned ends that."""
        accept = super().refuse(clients)
        if not self._refusing:
            self._again = self._shut()
        self._refusing += 1

        def end() -> None:
            accept()
            self._refusing -= 1
            if not self._refusing:
                self._again()

        return end


class ServiceFaults:
    """What faults do to the connections to each Service of an `engine`; random choices come from `rng`.

    What begins and ends with a fault is in the files of the package `effects`.
    """

    def __init__(self, engine: str, timeline: Timeline, rng: random.Random, effects: ModuleType) -> None:
        self._engine = engine
        self._timeline = timeline
        self._rng = rng
        self._effects = effects
        self.shut: Shut = lambda _service: lambda: None
        """How a Service's connections are refused, where its gate alone can't do that."""
        self._drivers: dict[tuple[str, str], FaultDriver] = {}

    def gate(self, service: Service) -> FaultGate:
        """Return the gate before a Service."""
        return FaultGate(self._driver(service), "users")

    def inject(self, service: Service, spec: str) -> InjectedFault:
        """Inject a fault spec; raises FaultError, which is on the timeline then."""
        self._add(service, "Injected", spec)
        fault = parse_spec(spec)
        try:
            if why := unproxied(service):
                raise FaultError("target", f"{service.object} {why}")
            return self._driver(service).inject(proxied(fault), "service")
        except FaultError as error:
            self._add(service, "NotInjected", f"{spec}: {error}")
            raise

    def recover(self, service: Service, which: str | None = None) -> list[InjectedFault]:
        """Take back the faults of a Service: all, those of one name, or the one with this id; return what has ended."""
        ended = self._driver(service).recover(which)
        self._add(service, "Recovered", which or "all")
        return ended

    def list(self, service: Service) -> list[InjectedFault]:
        """Return the pending and active faults of a Service."""
        return self._driver(service).faults.list()

    def close(self) -> None:
        """End every fault."""
        for driver in self._drivers.values():
            driver.close()

    def _driver(self, service: Service) -> FaultDriver:
        key = (service.namespace, service.name)
        if key not in self._drivers:
            process = _Door(lambda line: self._add(service, "Limited", line), lambda: self.shut(service))
            rng = random.Random(self._rng.getrandbits(64))
            self._drivers[key] = FaultDriver(
                rng, self._effects, process, lambda reason, fault: self._add(service, reason, _spec(fault))
            )
        return self._drivers[key]

    def _add(self, service: Service, reason: str, message: str) -> None:
        kinds.FAULT.add(self._timeline.add, self._engine, service.object, reason, message)


def _spec(fault: InjectedFault) -> str:
    return fault.fault.to_spec().removesuffix(" via=outside")
