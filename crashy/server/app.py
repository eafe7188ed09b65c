"""The patient's web app: the one list of its routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from crashy.faults.active import Active
from crashy.faults.crash import Crash
from crashy.patient.life import health_in
from crashy.patient.probes import PROBES, ProbeRoute, told_by
from crashy.server import admin as admin_api
from crashy.server import root
from crashy.server.gate import gate, observe
from crashy.server.patient import Patient
from crashy.server.personas import GREETINGS, crashed, rng, webapp

PATIENT = web.AppKey("patient", Patient)


def create_app(patient: Patient, *, admin: bool) -> web.Application:
    """Make the app of one plane: the control plane's, which is the admin API alone, or the data plane's, which has all.

    Apps share nothing but the patient that they are made for.
    """
    passing = None if admin else gate(patient, lambda *of: _instead(patient, *of))
    app = web.Application(middlewares=[observe(patient, passing)])
    app[PATIENT] = patient
    app.on_response_prepare.append(_signing(patient))
    admin_api.mount(app, patient)
    if not admin:
        app.router.add_routes(
            [
                web.get("/", _root(patient)),
                *(web.get(route.path, _probe(patient, route)) for route in PROBES),
                *webapp.routes(patient),
                *rng.routes(patient),
            ]
        )
    return app


def _signing(patient: Patient) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    pod = patient.identity.pod

    async def sign(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers["X-Pod"] = pod
        if patient.phase == "draining":  # or the next request on this connection would meet its end
            response.force_close()
            response.headers["Connection"] = "close"

    return sign


def _root(patient: Patient) -> Callable[[web.Request], Awaitable[web.Response]]:
    text = GREETINGS[patient.settings.persona](patient.identity)

    async def respond(request: web.Request) -> web.Response:
        return root.respond(patient, request, text)

    return respond


def _probe(patient: Patient, route: ProbeRoute) -> Callable[[web.Request], Awaitable[web.Response]]:
    # Faults have met the request already: what is left to say no is the phase of this life.
    async def probe(_request: web.Request) -> web.Response:
        yes: bool = getattr(health_in(patient.phase), route.probe)
        return _probe_answer(patient, route, yes=yes)

    return probe


def _probe_answer(patient: Patient, route: ProbeRoute, *, yes: bool) -> web.Response:
    status, text = route.answer(patient.identity.pod, yes=yes)
    return web.Response(status=status, text=text, content_type=route.content_type)


def _instead(patient: Patient, request: web.Request, by: Active, status: int) -> web.Response:
    """Answer for a fault in the persona's words."""
    path = request.path
    if isinstance(by.fault, Crash):
        text = crashed(patient.settings.persona, patient.identity, path, patient.now() - by.starts_at)
        return root.respond(patient, request, text, status) if path == "/" else web.Response(status=status, text=text)
    if route := told_by(by.fault, path):
        return _probe_answer(patient, route, yes=False)
    response = web.Response(status=status)
    response.text = f"{status} {response.reason}".rstrip()
    return response
