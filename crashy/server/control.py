"""The control plane: the admin API on its own thread and event loop, which no freeze of the app blocks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiohttp import web

from crashy.errors import BadInput
from crashy.server.app import create_app
from crashy.server.listeners import Listeners, http, url
from crashy.server.patient import Patient

if TYPE_CHECKING:
    from crashy.server.metrics import Metrics


class ControlPlane(threading.Thread):
    """Serves the admin API of a patient, and further `routes`, until `stop`.

    A port that can't be bound causes a warning only: the data plane has the same API.
    """

    def __init__(self, patient: Patient, port: int, meter: Metrics | None, routes: Sequence[web.RouteDef] = ()) -> None:
        super().__init__(name="control", daemon=True)
        self._patient = patient
        self._meter = meter
        self._routes = routes
        self._listeners = Listeners(patient, "ADMIN_PORT", patient.settings.host, [port])
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()

    def bind(self) -> None:
        """Bind the port now rather than on the thread; raises BadInput."""
        self._listeners.bind()

    def run(self) -> None:
        """Serve until `stop`."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        patient = self._patient
        try:
            if not self._listeners.ports:
                self._listeners.bind()
        except BadInput as error:
            patient.add_event("Skipped", f"{error}: the admin API is on PORT only", level="warning")
            return
        app = create_app(patient, admin=True, meter=self._meter, routes=self._routes)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await self._listeners.listen(http(runner, patient))
        (patient.admin_port,) = self._listeners.ports
        patient.add_event(
            "Listening",
            f"admin API on {url(patient.settings.host, patient.admin_port)}/admin/status",
            ports=[patient.admin_port],
            plane="control",
        )
        await self._stopped.wait()
        self._listeners.close()
        await runner.cleanup()

    def stop(self) -> None:
        """Stop serving; wait at most a second for open connections."""
        if self.is_alive() and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopped.set)
        self.join(timeout=1)
