"""The patient's web app: the one list of its routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from aiohttp import web

from crashy.faults.active import Active
from crashy.faults.kinds.crash import Crash
from crashy.patient.life import health_in
from crashy.patient.probes import PROBES, ProbeRoute, told_by
from crashy.server import admin as admin_api
from crashy.server import root
from crashy.server.answered import UNMATCHED
from crashy.server.gate import gate, observe
from crashy.server.patient import Patient
from crashy.server.personas import GREETINGS, crashed, rng, webapp

if TYPE_CHECKING:
    from crashy.server.metrics import Meter

PATIENT = web.AppKey("patient", Patient)


def create_app(patient: Patient, *, admin: bool, meter: Meter | None = None) -> web.Application:
    """Make the app of one plane: the control plane's, which is the admin API alone, or the data plane's, which has all.

    Apps share nothing but the patient that they are made for and, with METRICS, the meter that counts its requests.
    """
    app = web.Application()
    app[PATIENT] = patient
    admin_api.mount(app, patient, lambda handler: observe(patient, handler), meter)
    meeting = None if admin else gate(patient, lambda *of: _instead(patient, *of))
    routes = [*([] if admin else _routes(patient)), web.route("*", "/{rest:(?s:.*)}", _refuse, name=UNMATCHED)]
    app.router.add_routes(
        web.RouteDef(route.method, route.path, observe(patient, route.handler, meeting), route.kwargs)
        for route in routes
    )
    return app


def _routes(patient: Patient) -> list[web.RouteDef]:
    return [
        web.get("/", root.handler(patient, GREETINGS[patient.settings.persona](patient.identity))),
        *(web.get(route.path, _probe(patient, route)) for route in PROBES),
        *webapp.routes(patient),
        *rng.routes(patient),
    ]


async def _refuse(request: web.Request) -> web.StreamResponse:
    # What no other route takes is refused as aiohttp would: but what comes by no handler isn't told.
    allowed: set[str] = set()
    for resource in request.app.router.resources():
        if resource.name != UNMATCHED:
            allowed |= (await resource.resolve(request))[1]
    raise web.HTTPMethodNotAllowed(request.method, allowed) if allowed else web.HTTPNotFound


def _probe(patient: Patient, route: ProbeRoute) -> Callable[[web.Request], Awaitable[web.Response]]:
    # Faults have met the request already: what is left to say no is the phase of this life.
    async def probe(_request: web.Request) -> web.Response:
        yes: bool = getattr(health_in(patient.phase), route.probe)
        return _probe_answer(patient, route, yes=yes)

    return probe


def _probe_answer(patient: Patient, route: ProbeRoute, *, yes: bool) -> web.Response:
    status, text = route.answer(patient.identity.pod, yes=yes)
    return web.Response(status=status, text=text, content_type=route.content_type)


async def _instead(patient: Patient, request: web.Request, by: Active, status: int) -> web.Response:
    """Answer for a fault in the persona's words."""
    path = request.path
    if isinstance(by.fault, Crash):
        text = crashed(patient.settings.persona, patient.identity, path, patient.now() - by.starts_at)
        if path == "/":
            return await root.handler(patient, text, status)(request)
        return web.Response(status=status, text=text)
    if route := told_by(by.fault, path):
        return _probe_answer(patient, route, yes=False)
    response = web.Response(status=status)
    response.text = f"{status} {response.reason}".rstrip()
    return response
