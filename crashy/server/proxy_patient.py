"""What takes the faults of one proxy, and the gate by which they act on what passes it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

from crashy.faults.base import Fault
from crashy.faults.injected import InjectedFault, RequestEffect
from crashy.faults.proxied import proxied
from crashy.faults.scope import Request, Way, client_of
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


class Pair(NamedTuple):
    """Where a proxy listens, and the server that it leads to."""

    listen: Place
    upstream: Place


class Passage(NamedTuple):
    """A pair as its proxy's status shows it: `connections` are open, `accepted` those so far."""

    listens: str
    upstream: str
    connections: int
    accepted: int

    def tell(self, patient: ProxyPatient, port: int) -> None:
        """Add the event that it listens."""
        text = f"{'HTTP' if patient.reads_http else 'TCP'} from {self.listens} to {self.upstream}"
        patient.add_event("Listening", text, ports=[port], plane="data")


class ProxyPatient(Patient):
    """Takes the faults that act from outside on what passes the proxies of a process; `name` is its events' object.

    Without `reads_http` they pass connections on, which they don't look into.
    """

    way: ClassVar[Way] = "outside"

    def __init__(
        self, settings: Settings, name: str, *, reads_http: bool, rng: random.Random, log: Log | None = None
    ) -> None:
        super().__init__(settings, Identity(name), log=log, rng=rng)
        self.object = f"proxy/{name}"
        self.reads_http = reads_http
        self.passages: Callable[[], list[Passage]] = list
        """Return what its proxies are and have done."""

    @property
    def open(self) -> int:
        """The connections that are open."""
        return sum(passage.connections for passage in self.passages())

    @property
    def accepted(self) -> int:
        """The connections that were accepted so far."""
        return sum(passage.accepted for passage in self.passages())

    def inject(self, fault: Fault, source: str = "admin") -> InjectedFault:
        """Inject a fault, from outside; raises FaultError where it could never act on what passes."""
        return super().inject(proxied(fault, reads_http=self.reads_http), source)

    def status(self) -> dict[str, Any]:
        """Describe it as `GET /admin/status` shows it: as a patient, with what its proxies are."""
        passages = [passage._asdict() for passage in self.passages()]
        return super().status() | {"proxy": {"http": self.reads_http, "passages": passages}}


class PatientGate:
    """The gate before a proxy's upstream: `traffic.splice` asks it what happens to what passes."""

    def __init__(self, patient: Patient) -> None:
        self._patient = patient

    def quiet(self) -> bool:
        """Return whether no fault may act on what passes now."""
        return not self._patient.request_faults

    def spares(self, request: Request) -> bool:
        """Return whether it is known that no fault matches a request of its sort."""
        return self._patient.faults.spares(_asked(request).sort)

    def started(self) -> int:
        """Return how many faults have started so far."""
        return self._patient.faults.started

    async def decide(self, request: Request, since: int = 0) -> RequestEffect:
        """Count a request and return what happens to it, once its commands for the process have been carried out.

        The first `since` faults that have started do nothing to it.
        """
        effect, executed = self._patient.on_request(_asked(request), since)
        if executed is not None:
            try:
                await asyncio.wrap_future(executed)
            except BaseException:
                self.release(effect)
                raise
        return effect

    def release(self, effect: RequestEffect) -> None:
        """Let go of what faults have held."""
        for holder in effect.holders:
            self._patient.release(holder)

    async def ended(self, fault: InjectedFault) -> None:
        """Return when this fault has ended."""
        await wait_until_ended(self._patient, fault)

    def deaf(self) -> bool:
        """Return False: where connections are refused, nothing listens."""
        return False


def _asked(request: Request) -> Request:
    agent = next((value for name, value in request.headers if name.lower() == "user-agent"), "")
    return request._replace(client=client_of(agent))
