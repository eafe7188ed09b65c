"""What takes the faults of one proxy, and the gate by which they act on what passes it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

from crashy.faults.active import RequestEffect
from crashy.faults.base import Fault, FaultError
from crashy.faults.effects import ListenersClosed
from crashy.faults.injected import InjectedFault
from crashy.faults.scope import CONNECTION, PROBES, Request, Way, client_of
from crashy.patient.identity import Identity
from crashy.patient.settings import Settings
from crashy.server.gate import wait_until_ended
from crashy.server.logs import Log
from crashy.server.patient import Patient


class Place(NamedTuple):
    """Where something listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class ProxyPatient(Patient):
    """Takes the faults that act from outside on what passes a proxy to `upstream`; `name` is its events' object.

    Without `reads_http` it passes connections on, which it doesn't look into.
    """

    way: ClassVar[Way] = "outside"

    def __init__(
        self,
        settings: Settings,
        name: str,
        upstream: Place,
        *,
        reads_http: bool,
        rng: random.Random,
        log: Log | None = None,
    ) -> None:
        super().__init__(settings, Identity(name), log=log, rng=rng)
        self.object = f"proxy/{name}"
        self.upstream = upstream
        self.reads_http = reads_http
        self.accepted = 0
        """Connections that it has accepted so far."""
        self.open: Callable[[], int] = lambda: 0
        """Return how many of them are open."""

    def inject(self, fault: Fault, source: str = "admin") -> InjectedFault:
        """Inject a fault, from outside; raises FaultError where it could never act on what passes."""
        fault = fault.taken("outside")
        _check(fault, reads_http=self.reads_http)
        return super().inject(fault, source)

    def status(self) -> dict[str, Any]:
        """Describe it as `GET /admin/status` shows it: as a patient, with what it is as a proxy."""
        places = [str(Place(self.settings.host, port)) for port in self.ports]
        return super().status() | {
            "proxy": {
                "listens": places,
                "upstream": str(self.upstream),
                "http": self.reads_http,
                "connections": self.open(),
                "accepted": self.accepted,
            }
        }


def _check(fault: Fault, *, reads_http: bool) -> None:
    """Raise FaultError for a fault that could never act here: the field at fault, why, and what would do."""
    effect = fault.process_effect()
    if effect is not None and not isinstance(effect, ListenersClosed):
        mode = getattr(fault, "mode", "")
        raise FaultError(
            "mode" if mode else "fault",
            f"'{mode or fault.name}': acts on the app's processes, and a proxy has only its connections: "
            "freeze mode=hang, freeze mode=deaf or blackhole would do",
        )
    if fault.target in PROBES and not fault.scope.routes:
        raise FaultError(
            "routes",
            f"a proxy does not know which requests are of the {fault.target} probe: give its path, as routes=/ready",
        )
    if reads_http or effect is not None or fault.matches(Request(CONNECTION, "")):
        return
    if fault.on_connections:
        raise FaultError("routes", "this proxy tells no request from another: start it with --http")
    raise FaultError("fault", f"'{fault.name}': acts on requests, which this proxy does not read: start it with --http")


class PatientGate:
    """The gate before a proxy's upstream: `traffic.splice` asks it what happens to what passes."""

    def __init__(self, patient: Patient) -> None:
        self._patient = patient

    def quiet(self) -> bool:
        """Return whether no fault may act on what passes now."""
        return not self._patient.request_faults

    async def decide(self, request: Request) -> RequestEffect:
        """Count a request and return what happens to it, once its commands for the process have been carried out."""
        agent = next((value for name, value in request.headers if name.lower() == "user-agent"), "")
        effect, executed = self._patient.on_request(request._replace(client=client_of(agent)))
        if executed is not None:
            await asyncio.wrap_future(executed)
        return effect

    def release(self, effect: RequestEffect) -> None:
        """Let go of what a fault has held."""
        self._patient.release(effect.holder)

    async def ended(self, fault: InjectedFault) -> None:
        """Return when this fault has ended."""
        await wait_until_ended(self._patient, fault)

    def deaf(self) -> bool:
        """Return False: where connections are refused, nothing listens."""
        return False
