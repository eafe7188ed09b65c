"""The process of the patient: its loops and signals, from the warm-up to the drain."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import socket
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

from aiohttp import web

from crashy.errors import BadInput
from crashy.faults.effects import Machine, ProcessEffects
from crashy.patient.answers import GONE
from crashy.patient.identity import identify
from crashy.patient.settings import Settings
from crashy.server import effects
from crashy.server.app import create_app
from crashy.server.control import ControlPlane
from crashy.server.fault_scheduler import FaultScheduler
from crashy.server.listeners import Listeners, http, url
from crashy.server.logs import Log
from crashy.server.patient import Patient
from crashy.server.personas import webapp
from crashy.server.shutdown import Shutdown
from crashy.server.statefiles import StateFiles
from crashy.server.termination import write_termination_message

if TYPE_CHECKING:
    from crashy.server.dependencies import Watch
    from crashy.server.grpc_health import GrpcHealth
    from crashy.server.lives import LifeRecord
    from crashy.server.metrics import Meter


def serve(settings: Settings, environ: Mapping[str, str]) -> int:
    """Run the patient until SIGTERM or SIGINT (returns 0), or until a fault ends the process; raises BadInput."""
    if settings.grpc_port is not None and find_spec("h2") is None:
        raise BadInput(f"GRPC_PORT: {settings.grpc_port}: needs the extra `grpc`: pip install 'crashy[grpc]'")
    identity = identify(settings, environ, socket.gethostname)
    log = None
    if sys.stdout is not None:  # it is None where file descriptor 1 is closed
        log = Log(sys.stdout, as_json=settings.log_format == "json")
    patient = Patient(settings, identity, log=log, rng=random.Random(), pid=os.getpid(), machine=machine(settings))
    meter = _meter(patient)
    for warning in settings.warnings:
        patient.add_event("Ignored", warning, level="warning")
    if not settings.admin_token:
        patient.add_event(
            "Open", "ADMIN_TOKEN is not set: anyone who reaches this app can inject faults", level="warning"
        )
    with asyncio.Runner(loop_factory=loop_factory(patient)) as runner:
        return runner.run(PatientServer(patient, meter, log).run())


def machine(settings: Settings) -> Callable[[], Machine]:
    """Return what finds out what this process may use."""

    def look() -> Machine:
        from crashy.server.machine import OwnMachine  # noqa: PLC0415 - for faults of resources

        return OwnMachine(state_dir=settings.state_dir)

    return look


def _meter(patient: Patient) -> Meter | None:
    if not patient.settings.metrics:
        return None
    from crashy.server.metrics import Meter  # noqa: PLC0415 - few need it

    return Meter(patient)


def loop_factory(patient: Patient) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return uvloop's, or asyncio's where it is missing."""
    try:
        import uvloop  # noqa: PLC0415 - it may be missing
    except ImportError as error:
        patient.add_event(
            "NoUvloop", f"uvloop can't be imported ({error}): using asyncio's event loop", level="warning"
        )
        return asyncio.new_event_loop
    return uvloop.new_event_loop


class PatientServer:
    """The patient's planes and fault scheduler, run from start to end on the data plane's loop."""

    def __init__(self, patient: Patient, meter: Meter | None, log: Log | None) -> None:
        self._patient = patient
        self._meter = meter
        self._log = log
        self._settings = patient.settings
        self._shutdown = Shutdown(patient)
        self._life: LifeRecord | None = None
        self._files = StateFiles(
            self._settings.state_dir, lambda line: patient.add_event("NoStateFiles", line, level="warning")
        )

    async def run(self) -> int:
        """Warm up, serve, drain; return the exit code."""
        patient = self._patient
        loop = asyncio.get_running_loop()
        self._shutdown.listen()
        listeners = Listeners(patient, "PORT", self._settings.host, self._settings.port)
        grpc = self._grpc(loop)
        life = self._life = self._begin_life()
        process = effects.Process(
            loop,
            [listeners] if grpc is None else [listeners, grpc.listeners],
            log_stuck=lambda: patient.add_event("Said", webapp.stuck(patient.identity)),
            before_exit=self._leave,
            warn=lambda line: patient.add_event("Limited", line, level="warning"),
            shutdown=self._shutdown,
            state_dir=self._settings.state_dir,
            log=self._log,
        )

        def on_health_change() -> None:
            self._files.keep(patient.health("exec"))
            if life is not None:
                life.keep()
            if grpc is not None:
                grpc.changed()

        scheduler = FaultScheduler(
            patient, ProcessEffects(effects, process), on_health_change, life.beat if life else None
        )
        control = None
        if self._settings.admin_port is not None:
            control = ControlPlane(patient, self._settings.admin_port, self._meter)
            control.start()
        scheduler.start()
        exit_code, message = 1, ""
        watch = self._watch()
        try:
            if await self._warm_up():
                await self._serve(listeners, grpc)
            exit_code = 0
        except BadInput as error:
            exit_code, message = 2, str(error)
            raise
        finally:
            if watch is not None:
                watch.stop()
            scheduler.stop()
            self._leave(exit_code, message)
            if control is not None:
                control.stop()
        return 0

    def _leave(self, exit_code: int, message: str = "") -> None:
        self._files.keep(GONE)
        self._shutdown.conclude()
        if message:
            write_termination_message(self._settings.termination_message_path, message)
        if self._life is not None:
            self._life.end(exit_code, message)

    def _begin_life(self) -> LifeRecord | None:
        if not self._settings.state_dir:
            return None
        from crashy.server import lives  # noqa: PLC0415 - without a folder there is no record

        return lives.begin(self._patient)

    def _grpc(self, loop: asyncio.AbstractEventLoop) -> GrpcHealth | None:
        if self._settings.grpc_port is None:
            return None
        from crashy.server.grpc_health import GrpcHealth  # noqa: PLC0415 - an extra, which few need

        return GrpcHealth(self._patient, loop)

    def _watch(self) -> Watch | None:
        if self._patient.dependencies is None:
            return None
        from crashy.server.dependencies import Watch  # noqa: PLC0415 - few need it

        watch = Watch(self._patient, self._patient.dependencies)
        watch.start()
        return watch

    async def _warm_up(self) -> bool:
        """Wait for APP_START_DELAY; return False if a signal ended the wait."""
        patient = self._patient
        if patient.phase == "warming up":
            patient.add_event("Said", webapp.warming_up(patient.warm_up))
            if await self._shutdown.asked(patient.warm_up):
                return False
            patient.add_event("Said", webapp.READY)
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
        patient.add_event("Listening", f"serving on {addresses}", ports=list(listeners.ports), plane="data")
        # What was imported lives as long as the process: the garbage collector need not scan it again.
        gc.freeze()
        gc.enable()
        await self._shutdown.asked()
        if self._settings.shutdown == "instant":
            self._leave(0)
            os._exit(0)

        def stop_listening() -> None:
            listeners.close()
            if grpc is not None:
                grpc.listeners.close()
            if runner.server is not None:
                runner.server.pre_shutdown()  # closes the connections that wait for a next request

        await self._shutdown.drain(stop_listening)
        stop_listening()
        if grpc is not None:
            grpc.close()
        await runner.cleanup()
