"""The process of `crashy proxy`: proxies, and the faults that act on all that passes them."""

from __future__ import annotations

import asyncio
import gc
import random
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from crashy.errors import BadInput
from crashy.faults.base import Fault
from crashy.faults.effects import ProcessEffects
from crashy.patient.settings import Settings
from crashy.server import effects
from crashy.server.control import ControlPlane
from crashy.server.fault_scheduler import FaultScheduler
from crashy.server.listeners import Listeners
from crashy.server.logs import Log
from crashy.server.proxy_patient import Pair, Passage, PatientGate, Place, ProxyPatient
from crashy.server.serve import loop_factory
from crashy.server.shutdown import Shutdown
from crashy.traffic.splice.proxy import Proxy
from crashy.traffic.splice.upstream import Upstream

if TYPE_CHECKING:
    from crashy.server.toxiproxy.server import ToxiproxyServer

QUIET = 0.5
"""Seconds without a new connection after which nobody is taken to know of the proxy any more."""
AGAIN = 5.0
"""Seconds after which it is said again that a server can't be reached, for the same reason."""
NAME = "proxy"
"""The name of what takes the faults of a process."""


class _Proxy:
    """One proxy: it accepts connections, and leads each through the gate to its server."""

    def __init__(self, patient: ProxyPatient, pair: Pair, gate: PatientGate) -> None:
        self._patient = patient
        self._host = pair.listen.host or patient.settings.host
        self._upstream = Upstream(*pair.upstream, gate, "any" if patient.reads_http else "tcp")
        self._accepted = 0
        self._why, self._why_at = "", 0.0
        self.splice = Proxy(None, self._choose, told=self._told)
        self.listeners = Listeners(patient, "LISTEN", self._host, [pair.listen.port])

    def passage(self) -> Passage:
        """Return what it is and has done."""
        places = ", ".join(str(Place(self._host, port)) for port in self.listeners.ports)
        return Passage(places, self._server, self.splice.open, self._accepted)

    @property
    def _server(self) -> str:
        return str(Place(self._upstream.host, self._upstream.port))

    def _choose(self) -> Upstream:
        self._accepted += 1
        return self._upstream

    def _told(self, why: str) -> None:
        now = self._patient.now()
        if why != self._why or now >= self._why_at + AGAIN:
            self._why, self._why_at = why, now
            self._patient.add_event("Unreachable", f"{self._server}: {why}", level="warning")


class ProxyServer:
    """The proxies of one patient, whose faults act on all that passes them.

    Call `bind`, then `start`, on the loop that they are to run on; `stop` ends their connections too.
    """

    def __init__(self, patient: ProxyPatient, pairs: Sequence[Pair], shutdown: Shutdown) -> None:
        self._patient = patient
        gate = PatientGate(patient)
        self._proxies = [_Proxy(patient, pair, gate) for pair in pairs]
        patient.passages = lambda: [proxy.passage() for proxy in self._proxies]
        process = effects.Process(
            asyncio.get_running_loop(),
            [proxy.listeners for proxy in self._proxies],
            log_stuck=lambda: None,
            before_exit=lambda *_: None,
            warn=lambda line: patient.add_event("Limited", line, level="warning"),
            shutdown=shutdown,
        )
        self._scheduler = FaultScheduler(patient, ProcessEffects(effects, process), lambda: None)

    def bind(self) -> None:
        """Take their ports; raises BadInput."""
        for proxy in self._proxies:
            proxy.listeners.bind()
        self._patient.ports = tuple(port for proxy in self._proxies for port in proxy.listeners.ports)

    async def start(self) -> None:
        """Accept connections from now on."""
        self._scheduler.start()
        for proxy in self._proxies:
            await proxy.listeners.listen(proxy.splice.connection)
            proxy.passage().tell(self._patient, *proxy.listeners.ports)

    async def stop(self) -> None:
        """Accept no more, end every connection and every fault."""
        for proxy in self._proxies:
            proxy.listeners.close()
            proxy.splice.close()
        await asyncio.to_thread(self._scheduler.stop)


def serve(
    settings: Settings, pairs: Sequence[Pair], faults: Sequence[Fault], *, reads_http: bool, toxiproxy: int | None
) -> int:
    """Run proxies, with these faults from the start, until SIGTERM or SIGINT (returns 0).

    With the port `toxiproxy` Toxiproxy's API is there, and more proxies are made by it. Raises BadInput for a port that
    can't be bound, and FaultError for a fault that a proxy can't have.
    """
    log = None if sys.stdout is None else Log(sys.stdout, as_json=settings.log_format == "json")
    patient = ProxyPatient(settings, NAME, reads_http=reads_http, rng=random.Random(), log=log)
    with asyncio.Runner(loop_factory=loop_factory(patient)) as runner:
        return runner.run(_run(patient, pairs, faults, toxiproxy))


async def _run(patient: ProxyPatient, pairs: Sequence[Pair], faults: Sequence[Fault], toxiproxy: int | None) -> int:
    shutdown = Shutdown(patient)
    shutdown.listen()
    proxy: ProxyServer | ToxiproxyServer
    if toxiproxy is None:
        proxy = ProxyServer(patient, pairs, shutdown)
    else:
        from crashy.server.toxiproxy.server import ToxiproxyServer  # noqa: PLC0415 - few need it

        proxy = ToxiproxyServer(patient, pairs, shutdown, toxiproxy)
    proxy.bind()
    if toxiproxy is not None or patient.settings.admin_port is not None:
        _warn_of_strangers(patient)
    control = _control(patient)
    for fault in faults:
        patient.inject(fault, "--fault")
    try:
        await proxy.start()
        gc.freeze()
        gc.enable()
        await shutdown.asked()
        patient.enter("draining")
        await _drain(patient, shutdown)
        return 0
    finally:
        await proxy.stop()
        if control is not None:
            control.stop()


def _warn_of_strangers(patient: ProxyPatient) -> None:
    if not patient.settings.admin_token and not _is_loopback(patient.settings.host):
        text = "ADMIN_TOKEN is not set: anyone who reaches this proxy's API can inject faults"
        patient.add_event("Open", text, level="warning")


def _control(patient: ProxyPatient) -> ControlPlane | None:
    settings = patient.settings
    if settings.admin_port is None:
        return None
    meter = None
    if settings.metrics:
        from crashy.server.proxy_metrics import ProxyMeter  # noqa: PLC0415 - few need it

        meter = ProxyMeter(patient)
    control = ControlPlane(patient, settings.admin_port, meter)
    try:
        control.bind()
    except BadInput as error:
        raise BadInput(f"{error}: choose another with --admin-port") from None
    control.start()
    return control


def _is_loopback(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")


async def _drain(patient: ProxyPatient, shutdown: Shutdown) -> None:
    """Accept connections until none has come for a while, and wait for the end of those that are there.

    All that for at most DRAIN_SECONDS, or until a second signal.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patient.settings.drain_seconds
    last, accepted = loop.time(), patient.accepted
    while loop.time() < deadline and not await shutdown.forced():
        if patient.accepted != accepted:
            last, accepted = loop.time(), patient.accepted
        if not patient.open and loop.time() >= last + QUIET:
            break
    cut = f"; {patient.open} connections cut" if patient.open else ""
    patient.add_event("Drained", f"drain finished{cut}", in_flight=patient.open)
