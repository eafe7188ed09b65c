"""The proxies of a process that serves Toxiproxy's API: every one may have toxics, and all have the same faults."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import cast

from aiohttp import web

from crashy.errors import BadInput
from crashy.faults.effects import ProcessEffects
from crashy.server import effects
from crashy.server.fault_scheduler import FaultScheduler
from crashy.server.listeners import Listeners, http, url
from crashy.server.proxy_patient import Pair, Passage, PatientGate, Place, ProxyPatient
from crashy.server.shutdown import Shutdown
from crashy.server.toxiproxy.api import Api
from crashy.server.toxiproxy.problem import ApiError
from crashy.server.toxiproxy.proxies import Proxies
from crashy.server.toxiproxy.proxy import ToxicProxy
from crashy.traffic.splice.upstream import Upstream


class ToxiproxyServer:
    """Serves the API on `port`, and the patient's own proxies as the first: what `ProxyServer` is without the API."""

    setting = "LISTEN"

    def __init__(self, patient: ProxyPatient, pairs: Sequence[Pair], shutdown: Shutdown, port: int) -> None:
        self._patient = patient
        self._pairs = pairs
        host = patient.settings.host
        self._gate = PatientGate(patient)
        self._proxies = Proxies(host, self._lead, random.Random(), self._told)
        patient.passages = lambda: [self._passage(proxy) for proxy in self._proxies.all()]
        self._listeners = Listeners(patient, "--toxiproxy", host, [port])
        process = effects.Process(
            asyncio.get_running_loop(),
            [cast("Listeners", self)],  # from outside they are closed and reopened, and nothing else
            log_stuck=lambda: None,
            before_exit=lambda *_: None,
            warn=lambda line: patient.add_event("Limited", line, level="warning"),
            shutdown=shutdown,
        )
        self._scheduler = FaultScheduler(patient, ProcessEffects(effects, process), lambda: None)
        self._reopening: asyncio.Task[None] | None = None

    def bind(self) -> None:
        """Take the API's port; raises BadInput."""
        self._listeners.bind()

    async def start(self) -> None:
        """Serve from now on; raises BadInput where the patient's own proxy can't listen."""
        patient, host = self._patient, self._patient.settings.host
        self._scheduler.start()
        for number, pair in enumerate(self._pairs, 1):
            name = patient.identity.pod if number == 1 else f"{patient.identity.pod}-{number}"
            listen = Place(pair.listen.host or host, pair.listen.port)
            document = {"name": name, "listen": str(listen), "upstream": str(pair.upstream)}
            try:
                made = await self._proxies.create(document)
            except ApiError as error:
                raise BadInput(f"LISTEN: {error}") from None
            patient.ports += (made.listen.port,)
            self._passage(made).tell(patient, made.listen.port)
        app = Api(self._proxies, patient.settings.admin_token).app()
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await self._listeners.listen(http(runner, patient))
        (port,) = self._listeners.ports
        patient.add_event("Listening", f"Toxiproxy's API on {url(host, port)}/proxies", ports=[port], plane="toxiproxy")

    def close(self) -> None:
        """Refuse connections: a fault asks for it."""
        self._proxies.deafen()

    def reopen(self) -> None:
        """Accept connections again."""
        self._reopening = asyncio.get_running_loop().create_task(self._reopen())

    async def _reopen(self) -> None:
        try:
            await self._proxies.hear()
        except ApiError as error:
            self._patient.add_event("RebindFailed", str(error), level="warning")

    async def stop(self) -> None:
        """End the API, every proxy and every fault."""
        self._listeners.close()
        self._proxies.close()
        await asyncio.to_thread(self._scheduler.stop)

    def _passage(self, proxy: ToxicProxy) -> Passage:
        return Passage(str(proxy.listen), str(proxy.upstream), proxy.open, proxy.accepted)

    def _lead(self, host: str, port: int) -> Upstream:
        return Upstream(host, port, self._gate, "any" if self._patient.reads_http else "tcp")

    def _told(self, name: str, why: str) -> None:
        self._patient.add_event("Unreachable", f"{name}: {why}", level="warning")
