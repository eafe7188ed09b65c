"""The watch over what the patient depends on: a thread for each dependency looks at it again and again."""

from __future__ import annotations

import random
import threading
import time

from aiohttp import web

from crashy import checks
from crashy.patient.dependencies import PERIOD, TIMEOUT, Dependencies, Dependency
from crashy.server.names import resolve
from crashy.server.patient import Patient

_ENDS_WITHIN = 0.5
"""Seconds that `stop` waits for looks in progress, all together."""


class Watch:
    """Watches one patient's dependencies until `stop`; changes are events, and wake whoever follows the health."""

    def __init__(self, patient: Patient, dependencies: Dependencies) -> None:
        self._patient = patient
        self._dependencies = dependencies
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._watch, args=(one,), name=f"dependency {one.name}", daemon=True)
            for one in dependencies
        ]

    def start(self) -> None:
        """Begin with a look at each."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, without waiting long for looks in progress."""
        self._stopped.set()
        deadline = time.monotonic() + _ENDS_WITHIN
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _watch(self, dependency: Dependency) -> None:
        patient = self._patient
        while not self._stopped.is_set():
            began = time.monotonic()
            failure = self._look(dependency, began + TIMEOUT)
            line = self._dependencies.saw(dependency, time.monotonic() - began, failure)
            if line and not self._stopped.is_set():
                patient.add_event("Dependency", line, level="warning" if failure else "info")
                patient.command_queue.put(None)
            self._stopped.wait(max(0.0, began + PERIOD - time.monotonic()))

    def _look(self, dependency: Dependency, deadline: float) -> str:
        """Return why a look fails, or an empty text."""
        try:
            places = resolve(self._patient, dependency.host, dependency.port)
            effect = self._patient.faults.on_look(dependency.look)
            self._stopped.wait(max(0.0, min(effect.delay, deadline - time.monotonic())))
            if time.monotonic() >= deadline:
                raise TimeoutError
            if effect.failure:
                return effect.failure
            self._ask(dependency, random.choice(places), deadline)
        except (checks.FailedError, OSError, ValueError) as error:
            return checks.reason(error, TIMEOUT)
        return ""

    def _ask(self, dependency: Dependency, place: tuple[str, int], deadline: float) -> None:
        match dependency.kind:
            case "redis":
                checks.redis(place, deadline)
            case "mysql":
                checks.mysql(place, deadline)
            case "tcp":
                checks.tcp(place, deadline)
            case _:
                tls = dependency.kind == "https"
                checks.http((tls, dependency.host, dependency.port, dependency.path), deadline, place)


def route(dependencies: Dependencies) -> web.RouteDef:
    """Return the route `GET /dependencies`."""

    async def show(_request: web.Request) -> web.Response:
        status, text = dependencies.page()
        return web.Response(status=status, text=text)

    return web.get("/dependencies", show)
