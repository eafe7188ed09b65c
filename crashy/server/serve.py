"""One life of the patient: its loops and signals, from the warm-up to the drain."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

from aiohttp import web

from crashy.errors import BadInput
from crashy.faults.effects import ProcessEffects
from crashy.patient.answers import GONE
from crashy.patient.identity import identify
from crashy.patient.life import QUIET
from crashy.patient.settings import Settings
from crashy.server import effects
from crashy.server.app import create_app
from crashy.server.control import ControlPlane
from crashy.server.fault_scheduler import FaultScheduler
from crashy.server.listeners import AllListeners, Listeners, http, url
from crashy.server.logs import Log
from crashy.server.patient import Patient
from crashy.server.personas import webapp
from crashy.server.statefiles import StateFiles

if TYPE_CHECKING:
    from crashy.server.grpc_health import GrpcHealth
    from crashy.server.metrics import Meter


def serve(settings: Settings, environ: Mapping[str, str]) -> int:
    """Be the patient until SIGTERM or SIGINT (gives 0), or until a fault ends the process; raises BadInput."""
    if settings.grpc_port is not None and find_spec("h2") is None:
        raise BadInput(f"GRPC_PORT: {settings.grpc_port}: needs the extra `grpc`: pip install 'crashy[grpc]'")
    identity = identify(settings, environ, socket.gethostname)
    log = None
    if sys.stdout is not None:  # as it is where file descriptor 1 is closed
        log = Log(sys.stdout, as_json=settings.log_format == "json", access=settings.access_log)
    patient = Patient(settings, identity, log=log, rng=random.Random(), pid=os.getpid())
    meter = _meter(patient)
    for warning in settings.warnings:
        patient.say("Ignored", warning, level="warning")
    if not settings.admin_token:
        patient.say("Open", "ADMIN_TOKEN is not set: whoever reaches this app can make it ill", level="warning")
    with asyncio.Runner(loop_factory=_loop_factory(patient)) as runner:
        return runner.run(Life(patient, meter).live())


def _meter(patient: Patient) -> Meter | None:
    if not patient.settings.metrics:
        return None
    from crashy.server.metrics import Meter  # noqa: PLC0415 - few need it

    return Meter(patient)


def _loop_factory(patient: Patient) -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop  # noqa: PLC0415 - it may be missing
    except ImportError as error:
        patient.say("NoUvloop", f"uvloop can't be had ({error}): asyncio's own loop instead", level="warning")
        return asyncio.new_event_loop
    return uvloop.new_event_loop


class Life:
    """One life: what the data loop does from start to end."""

    def __init__(self, patient: Patient, meter: Meter | None) -> None:
        self._patient = patient
        self._meter = meter
        self._settings = patient.settings
        self._asked_to_end = asyncio.Event()
        self._hurried = asyncio.Event()
        self._files = StateFiles(
            self._settings.state_dir, lambda line: patient.say("NoStateFiles", line, level="warning")
        )

    async def live(self) -> int:
        """Warm up, serve, drain; return the exit code."""
        patient = self._patient
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end, number)
        listeners = Listeners(patient, "PORT", self._settings.host, self._settings.port)
        grpc = self._grpc(loop)
        planes = [listeners] if grpc is None else [listeners, grpc.listeners]
        process = effects.Process(
            loop,
            AllListeners(*planes),
            stuck=lambda: patient.say("Said", webapp.stuck(patient.identity)),
            last_words=lambda: self._files.keep(GONE),
        )

        def keep() -> None:
            self._files.keep(patient.health())
            if grpc is not None:
                grpc.changed()

        scheduler = FaultScheduler(patient, ProcessEffects(effects, process), keep)
        control = None
        if self._settings.admin_port is not None:
            control = ControlPlane(patient, self._settings.admin_port, self._meter)
            control.start()
        scheduler.start()
        try:
            if await self._warm_up():
                await self._serve(listeners, grpc)
        finally:
            scheduler.stop()
            self._files.keep(GONE)
            if control is not None:
                control.stop()
        return 0

    def _grpc(self, loop: asyncio.AbstractEventLoop) -> GrpcHealth | None:
        if self._settings.grpc_port is None:
            return None
        from crashy.server.grpc_health import GrpcHealth  # noqa: PLC0415 - an extra, which few need

        return GrpcHealth(self._patient, self._settings.grpc_port, loop)

    def _end(self, number: signal.Signals) -> None:
        if self._asked_to_end.is_set():
            self._hurried.set()
        self._asked_to_end.set()
        self._patient.say(
            "Signal", f"{number.name}: " + ("once more: ending now" if self._hurried.is_set() else "ending")
        )

    async def _warm_up(self) -> bool:
        """Wait for APP_START_DELAY; return False if the end was asked for meanwhile."""
        patient = self._patient
        if patient.phase == "warming up":
            patient.say("Said", webapp.warming_up(patient.warm_up))
            if await _within(self._asked_to_end, patient.warm_up):
                return False
            patient.say("Said", webapp.READY)
        return True

    async def _serve(self, listeners: Listeners, grpc: GrpcHealth | None) -> None:
        patient = self._patient
        listeners.bind()
        if grpc is not None:
            grpc.listeners.bind()
        patient.ports = listeners.ports
        app = create_app(patient, admin=False, meter=self._meter)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.25)
        await runner.setup()
        await listeners.listen(http(runner, patient))
        if grpc is not None:
            await grpc.listen()
        patient.enter("serving")
        addresses = ", ".join(url(self._settings.host, port) for port in listeners.ports)
        patient.say("Listening", f"serving on {addresses}", ports=list(listeners.ports), plane="data")
        # What was imported lives as long as the process: no collection need look at it again.
        gc.freeze()
        gc.enable()
        await self._asked_to_end.wait()
        await self._drain()
        listeners.close()
        if grpc is not None:
            grpc.close()
        await runner.cleanup()

    async def _drain(self) -> None:
        """Be unready but go on listening until nobody asks any more, at most DRAIN_SECONDS."""
        patient = self._patient
        patient.enter("draining")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.drain_seconds
        last_asked = loop.time()
        requests = patient.requests
        while loop.time() < min(deadline, last_asked + QUIET):
            if await _within(self._hurried, 0.02):
                break
            if patient.in_flight or patient.requests != requests:
                requests, last_asked = patient.requests, loop.time()
        cut = f"; {patient.in_flight} requests aborted" if patient.in_flight else ""
        patient.say("Drained", f"drain finished{cut}", in_flight=patient.in_flight)


async def _within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event so long; return whether it came."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
