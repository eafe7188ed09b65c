"""The patient's web app: the one list of its routes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from crashy.faults.effects import InjectedResponse
from crashy.faults.injected import InjectedFault
from crashy.patient.answers import PAGES, fault_answer, probe_answer
from crashy.patient.personas import WITH_ROUTES
from crashy.patient.probes import PROBES, ProbeRoute
from crashy.server import admin as admin_api
from crashy.server import personas, root
from crashy.server.answered import UNMATCHED
from crashy.server.gate import make_fault_hook, observe
from crashy.server.patient import Patient

if TYPE_CHECKING:
    from crashy.server.metrics import Metrics

PATIENT = web.AppKey("patient", Patient)


def create_app(
    patient: Patient, *, admin: bool, meter: Metrics | None = None, routes: Sequence[web.RouteDef] = ()
) -> web.Application:
    """Make the app of one plane: the control plane has only the admin API and `routes`, the data plane every route.

    The apps share the patient and, with METRICS, the meter that counts its requests.
    """
    app = web.Application()
    app[PATIENT] = patient
    app.router.add_routes(routes)  # before the admin API's, which take every path below /admin
    admin_api.mount(app, patient, lambda handler: observe(patient, handler), meter)
    fault_hook = None if admin else make_fault_hook(patient, partial(_fault_response, patient))
    own = [] if admin else _routes(patient)
    if not admin and patient.settings.persona in WITH_ROUTES:
        from crashy.server.persona_routes import PersonaRoutes  # noqa: PLC0415 - few personas have routes of their own

        played = PersonaRoutes(patient)
        app.router.add_routes(
            web.RouteDef(route.method, route.path, observe(patient, route.handler), route.kwargs)
            for route in played.control()
        )
        own = [*played.routes(), *([] if played.answers_everything else own)]
    own.append(web.route("*", "/{rest:(?s:.*)}", _unmatched, name=UNMATCHED))
    app.router.add_routes(
        web.RouteDef(route.method, route.path, observe(patient, route.handler, fault_hook), route.kwargs)
        for route in own
    )
    return app


def _routes(patient: Patient) -> list[web.RouteDef]:
    pages = {path: text(patient.settings.persona, patient.identity) for path, text in PAGES.items()}
    return [
        web.get("/", root.handler(patient, pages.pop("/"))),
        *(web.get(path, _page(text)) for path, text in pages.items()),
        *(web.get(route.path, _probe(patient, route)) for route in PROBES),
        *personas.routes(patient),
        *_peers(patient),
        *_dependencies(patient),
    ]


def _peers(patient: Patient) -> list[web.RouteDef]:
    if not patient.settings.peers:
        return []
    from crashy.server import peers  # noqa: PLC0415 - few need it

    return [peers.route(patient)]


def _dependencies(patient: Patient) -> list[web.RouteDef]:
    if patient.dependencies is None:
        return []
    from crashy.server import dependencies  # noqa: PLC0415 - few need it

    return [dependencies.route(patient.dependencies)]


async def _unmatched(request: web.Request) -> web.StreamResponse:
    # As aiohttp itself answers an unknown route, but by a handler, so that the timeline has it too.
    allowed: set[str] = set()
    for resource in request.app.router.resources():
        if resource.name != UNMATCHED:
            allowed |= (await resource.resolve(request))[1]
    raise web.HTTPMethodNotAllowed(request.method, allowed) if allowed else web.HTTPNotFound


def _page(text: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def page(_request: web.Request) -> web.Response:
        return web.Response(text=text)

    return page


def _probe(patient: Patient, route: ProbeRoute) -> Callable[[web.Request], Awaitable[web.Response]]:
    # Faults were applied before.
    persona = patient.settings.persona

    async def probe(_request: web.Request) -> web.Response:
        if patient.dependencies is not None:
            await asyncio.sleep(patient.dependencies.wait(route.probe))
        yes: bool = getattr(patient.own_health(), route.probe)
        answer = probe_answer(route.path, route.probe, patient.identity.pod, yes=yes, persona=persona)
        return web.Response(status=answer.status, text=answer.body, content_type=answer.content_type)

    return probe


async def _fault_response(
    patient: Patient, request: web.Request, by: InjectedFault, given: InjectedResponse
) -> web.Response:
    """Make the response that a fault sends; / is a page for a browser after a crash too."""
    path, persona = request.path, patient.settings.persona
    answer = fault_answer(by, given, path, persona, patient.identity, now=patient.now())
    if path == "/" and by.fault.name == "crash":
        return await root.handler(patient, answer.body, answer.status)(request)
    headers = {"Content-Type": f"{answer.content_type}; charset=utf-8", **dict(given.headers)}
    return web.Response(status=answer.status, text=answer.body, headers=headers)
