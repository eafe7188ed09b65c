"""The routes of the course's app that the patient is by PERSONA: what `crashy/patient/personas/` says, served."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from urllib.parse import parse_qsl

from aiohttp import web

from crashy.faults.base import FaultError
from crashy.patient.personas.routes import EVERYTHING, KubeletProbe, PersonaReply, PersonaRequest, PersonaRoute, routes
from crashy.server import root
from crashy.server.admin import check_token
from crashy.server.patient import Patient
from crashy.server.problem import Problem
from crashy.timeline import kinds

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PersonaRoutes:
    """The routes of one patient's app; those that change something check ADMIN_TOKEN and take no HEAD."""

    def __init__(self, patient: Patient) -> None:
        self._patient = patient
        self._routes = routes(patient.settings.persona)
        self._count = 0
        self.answers_everything = any(route.path == EVERYTHING for route in self._routes)
        """Whether the app answers every path itself."""

    def routes(self) -> list[web.RouteDef]:
        """Return the routes that faults act on."""
        return [*self._defined(control=False)]

    def control(self) -> list[web.RouteDef]:
        """Return the routes by which the app is controlled, which no fault acts on."""
        return [*self._defined(control=True)]

    def _defined(self, *, control: bool) -> Iterator[web.RouteDef]:
        for route in self._routes:
            if route.control is control:
                handler = self._handler(route)
                for method in route.methods:
                    if method != "HEAD":  # which aiohttp adds to GET
                        heads = {} if method != "GET" or "HEAD" in route.methods else {"allow_head": False}
                        yield web.RouteDef(method, route.path, handler, heads)

    def _handler(self, route: PersonaRoute) -> Handler:
        patient = self._patient

        async def handle(request: web.Request) -> web.StreamResponse:
            if route.changes:
                check_token(request, patient.settings.admin_token)
            reply = route.reply(await self._asked(request))
            self._count += 1
            self._change(reply, f"{request.method} {request.path}")
            answer = reply.answer
            if answer.latency:
                await asyncio.sleep(answer.latency)
            if route.path in {"/", EVERYTHING} and "text/html" in request.headers.get("Accept", ""):
                return await root.handler(patient, answer.body, answer.status)(request)
            headers = {"Content-Type": f"{answer.content_type}; charset=utf-8", **dict(reply.headers)}
            body = answer.body.encode("utf-8", "surrogateescape")  # bytes of a header that are not UTF-8
            return web.Response(status=answer.status, body=body, headers=headers)

        return handle

    def _change(self, reply: PersonaReply, source: str) -> None:
        """Recover and inject what a reply says; raises a 409 Problem where the patient rejects a fault."""
        for name in reply.recover:
            self._patient.recover(name)
        try:
            for fault in reply.inject:
                self._patient.inject(fault, source)
        except FaultError as error:
            raise Problem(409, error.message, field=error.field) from None

    async def _asked(self, request: web.Request) -> PersonaRequest:
        patient = self._patient
        body = await request.read() if request.can_read_body else b""
        peer = request.transport.get_extra_info("peername") if request.transport else None
        return PersonaRequest(
            who=patient.identity,
            path=request.path,
            method=request.method,
            match=request.match_info,
            query={**_form(request, body), **request.query},
            headers=[*request.headers.items()],
            body=body,
            remote=_address(peer),
            environ=os.environ,
            uptime=patient.uptime(),
            now=time.time(),
            answered=self._count,
            faults=patient.faults.list,
            seen=self._seen,
        )

    def _seen(self, path: str) -> list[KubeletProbe]:
        """Return the kubelet's probes of a path, the oldest first, as far back as events are kept."""
        now = self._patient.uptime()
        requests = kinds.SERVED.read(self._patient.timeline.since())
        probes = ((event.t, of) for event, of in requests if of["path"] == path and of["client"] == "kubelet")
        return [KubeletProbe(number, of["status"], now - t) for number, (t, of) in enumerate(probes, 1)]


def _form(request: web.Request, body: bytes) -> dict[str, str]:
    """Return the fields of a form in the body, as Go's FormValue reads them too."""
    if request.content_type != "application/x-www-form-urlencoded":
        return {}
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _address(peer: tuple[str, int] | None) -> str:
    if peer is None:
        return ""
    host, port = peer[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
