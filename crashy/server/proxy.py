"""Proxies with faults: one, of which a process may have several, and the process of `crashy proxy`, which has one."""

from __future__ import annotations

import asyncio
import gc
import random
import sys
from collections.abc import Sequence

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

QUIET = 0.5
"""Seconds without a new connection after which nobody is taken to know of the proxy any more."""
NAME = "proxy"
"""The name of the only proxy of a process."""


class ProxyServer:
    """One proxy: it accepts connections, and leads each to its patient's upstream through its patient's faults.

    Call `bind`, then `start`, on the loop that it is to run on; `stop` ends its connections too.
    """

    def __init__(self, patient: ProxyPatient, shutdown: Shutdown) -> None:
        self._patient = patient
        gate = PatientGate(patient)
        self._upstream = Upstream(*patient.upstream, gate, "any" if patient.reads_http else "tcp")
        self._splice = Proxy(None, self._choose, told=self._told)
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
        places = ", ".join(str(Place(patient.settings.host, port)) for port in patient.ports)
        patient.add_event(
            "Listening",
            f"{'HTTP' if patient.reads_http else 'TCP'} from {places} to {patient.upstream}",
            ports=[*patient.ports],
            plane="data",
        )

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


def serve(settings: Settings, upstream: Place, faults: Sequence[Fault], *, reads_http: bool) -> int:
    """Run one proxy until SIGTERM or SIGINT (returns 0); raises BadInput, before it listens."""
    log = None if sys.stdout is None else Log(sys.stdout, as_json=settings.log_format == "json")
    patient = ProxyPatient(settings, NAME, upstream, reads_http=reads_http, rng=random.Random(), log=log)
    with asyncio.Runner(loop_factory=loop_factory(patient)) as runner:
        return runner.run(_run(patient, faults))


async def _run(patient: ProxyPatient, faults: Sequence[Fault]) -> int:
    shutdown = Shutdown(patient)
    shutdown.listen()
    proxy = ProxyServer(patient, shutdown)
    control = _control(patient)
    _bind("LISTEN", proxy.bind)
    if control is not None:
        _bind("--admin-port", control.bind)
    if control is not None:
        control.start()
    await proxy.start()
    gc.freeze()
    gc.enable()
    await shutdown.asked()
    patient.enter("draining")
    await _drain(patient, shutdown)
    await proxy.stop()
    if control is not None:
        control.stop()
    return 0
