"""Proxies with faults: one, of which a process may have several, and the process of `crashy proxy`, which has one."""

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
from crashy.server.proxy_patient import PatientGate, Place, ProxyPatient
from crashy.server.serve import loop_factory
from crashy.server.shutdown import Shutdown
from crashy.traffic.splice.proxy import Proxy
from crashy.traffic.splice.upstream import Upstream

if TYPE_CHECKING:
    from crashy.server.toxiproxy.server import ToxiproxyServer

QUIET = 0.5
"""Seconds without a new connection after which nobody is taken to know of the proxy any more."""
NAME = "proxy"
"""The name of the only proxy of a process."""


class ProxyServer:
    """One proxy: it accepts connections, and leads each to its patient's upstream through its patient's faults.

    Call `bind`, then `start`, on the loop that it is to run on; `stop` ends its connections too.
    """

    def __init__(self, patient: ProxyPatient, shutdown: Shutdown) -> None:
        assert patient.upstream is not None  # noqa: S101 - it is one proxy
        self._patient = patient
        gate = PatientGate(patient)
        self._upstream = Upstream(*patient.upstream, gate, "any" if patient.reads_http else "tcp")
        self._splice = Proxy(None, self._choose, told=self._told)
        patient.open = lambda: self._splice.open
        self._listeners = Listeners(patient, "LISTEN", patient.settings.host, patient.settings.port)
        process = effects.Process(
            asyncio.get_running_loop(),
            [self._listeners],
            log_stuck=lambda: None,
            before_exit=lambda *_: None,
            warn=lambda line: patient.add_event("Limited", line, level="warning"),
            shutdown=shutdown,
        )
        self._scheduler = FaultScheduler(patient, ProcessEffects(effects, process), lambda: None)

    def bind(self) -> None:
        """Take its port; raises BadInput."""
        self._listeners.bind()
        self._patient.ports = self._listeners.ports

    async def start(self) -> None:
        """Accept connections from now on."""
        patient = self._patient
        self._scheduler.start()
        await self._listeners.listen(self._splice.connection)
        patient.tell_listening()

    def retire(self) -> None:
        """Accept no more; connections that are there stay."""
        self._listeners.close()

    async def stop(self) -> None:
        """Accept no more, end every connection and every fault."""
        self.retire()
        self._splice.close()
        await asyncio.to_thread(self._scheduler.stop)

    def _choose(self) -> Upstream:
        self._patient.accepted += 1
        return self._upstream

    def _told(self, why: str) -> None:
        self._patient.add_event("Unreachable", f"{self._patient.upstream}: {why}", level="warning")


def serve(
    settings: Settings, upstream: Place | None, faults: Sequence[Fault], *, reads_http: bool, toxiproxy: int | None
) -> int:
    """Run one proxy, with these faults from the start, until SIGTERM or SIGINT (returns 0).

    With the port `toxiproxy` it has Toxiproxy's API there, and needs no `upstream`. Raises BadInput for a port that
    can't be bound, and FaultError for a fault that the proxy can't have.
    """
    log = None if sys.stdout is None else Log(sys.stdout, as_json=settings.log_format == "json")
    patient = ProxyPatient(settings, NAME, upstream, reads_http=reads_http, rng=random.Random(), log=log)
    with asyncio.Runner(loop_factory=loop_factory(patient)) as runner:
        return runner.run(_run(patient, faults, toxiproxy))


async def _run(patient: ProxyPatient, faults: Sequence[Fault], toxiproxy: int | None) -> int:
    shutdown = Shutdown(patient)
    shutdown.listen()
    proxy: ProxyServer | ToxiproxyServer
    if toxiproxy is None:
        proxy = ProxyServer(patient, shutdown)
    else:
        from crashy.server.toxiproxy.server import ToxiproxyServer  # noqa: PLC0415 - few need it

        proxy = ToxiproxyServer(patient, shutdown, toxiproxy)
    proxy.bind()
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


def _control(patient: ProxyPatient) -> ControlPlane | None:
    settings = patient.settings
    if settings.admin_port is None:
        return None
    if not settings.admin_token and not _is_loopback(settings.host):
        text = "ADMIN_TOKEN is not set: anyone who reaches this proxy's admin API can inject faults"
        patient.add_event("Open", text, level="warning")
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
        if not patient.open() and loop.time() >= last + QUIET:
            break
    cut = f"; {patient.open()} connections cut" if patient.open() else ""
    patient.add_event("Drained", f"drain finished{cut}", in_flight=patient.open())
