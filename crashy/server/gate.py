"""What every request passes: faults meet it here, and it is counted and told to the timeline."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler

from crashy.faults.active import Active, RequestEffect
from crashy.faults.scope import Client, Request
from crashy.patient.probes import PROBE_ROUTES
from crashy.server.answered import GAVE_UP
from crashy.server.patient import Patient
from crashy.server.problem import Problem

Instead = Callable[[web.Request, Active, int], Awaitable[web.Response]]
Meeting = Callable[[web.Request], Awaitable[web.Response | None]]

KUBELET = "kube-probe/"
"""How the User-Agent of a kubelet's HTTP probe begins."""

_LOG = logging.getLogger(__name__)


async def hold(patient: Patient, active: Active) -> None:
    """Wait until a fault has ended."""
    ended = patient.end_of(active)
    try:
        await asyncio.wrap_future(ended)
    finally:
        patient.forget(active, ended)


def observe(patient: Patient, handler: Handler, meeting: Meeting | None = None) -> Handler:
    """Return a handler that tells the timeline of each request, and answers with a refusal, or a 500 for a bug.

    `meeting` is where faults meet the request first; what has one counts as asked of the app. A function around each
    handler instead of a middleware: what aiohttp does for an app's first middleware costs a request more than all this.
    """
    pod, now, answered = patient.identity.pod, patient.now, patient.answered

    def sign(response: web.StreamResponse) -> None:
        response.headers["X-Pod"] = pod
        if patient.phase == "draining":  # or the next request on this connection would meet its end
            response.force_close()
            response.headers["Connection"] = "close"

    async def observed(request: web.Request) -> web.StreamResponse:
        started = now()
        status = GAVE_UP
        client = client_of(request)
        if meeting is not None:
            patient.requests += client == "users"
            patient.in_flight += 1
        try:
            instead = await meeting(request) if patient.ill and meeting is not None else None
            response = await handler(request) if instead is None else instead
            status = response.status
        except web.HTTPException as answer:
            status = answer.status
            sign(answer)
            raise
        except Problem as problem:
            status = problem.status
            response = problem.response()
        except ConnectionError:
            raise
        except Exception:  # noqa: BLE001 - the last resort: the client gets a 500, the log the traceback
            _LOG.exception("%s %s", request.method, request.path)
            status = 500
            response = web.Response(status=500, text="500 Internal Server Error")
        finally:
            if meeting is not None:
                patient.in_flight -= 1
            answered(request.method, request.path, client, status, now() - started, request.remote)
        if not response.prepared:
            sign(response)
        return response

    return observed


def _asked(request: web.BaseRequest) -> Request:
    """Return a request as faults see it."""
    return Request(request.method, request.path, client_of(request), PROBE_ROUTES.get(request.path))


def client_of(request: web.BaseRequest) -> Client:
    """Return who asks, by its User-Agent."""
    return "kubelet" if request.headers.get("User-Agent", "").startswith(KUBELET) else "users"


async def meet(patient: Patient, request: Request) -> RequestEffect:
    """Let a request meet the faults, and do the waiting that they want; return the rest of what they do to it."""
    effect, struck = patient.on_request(request)
    if struck is not None:
        await asyncio.wrap_future(struck)
    if effect.delay:
        await asyncio.sleep(effect.delay)
    if effect.hang is not None:
        await hold(patient, effect.hang)
    return effect


def gate(patient: Patient, instead: Instead) -> Meeting:
    """Make that by which faults meet requests; `instead` words what they leave to the persona to say."""

    async def meeting(request: web.Request) -> web.Response | None:
        effect = await meet(patient, _asked(request))
        answer = effect.answer
        if answer is None:
            return None
        if answer.body is None and effect.by is not None:
            return await instead(request, effect.by, answer.status)
        return web.Response(status=answer.status, text=answer.body, headers=dict(answer.headers))

    return meeting
