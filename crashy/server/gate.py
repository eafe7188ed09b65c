"""What every request passes: faults meet it here, and it is counted and told to the timeline."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler

from crashy.faults.active import Active, RequestEffect
from crashy.faults.effects import Answer
from crashy.faults.scope import Client, Request
from crashy.patient.probes import PROBE_ROUTES
from crashy.server.answered import GAVE_UP
from crashy.server.patient import Patient
from crashy.server.problem import Problem

Instead = Callable[[web.Request, Active, Answer], Awaitable[web.Response]]
Meeting = Callable[[web.Request, Client], Awaitable[web.Response | None]]

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
    pod, now, counted = patient.identity.pod, patient.now, meeting is not None

    async def observed(request: web.Request) -> web.StreamResponse:
        started = now()
        status = GAVE_UP
        client = patient.begin_request(request.headers.get("User-Agent", ""), counted=counted)
        try:
            instead = await meeting(request, client) if patient.ill and meeting is not None else None
            response = await handler(request) if instead is None else instead
            status = response.status
        except web.HTTPException as answer:  # as aiohttp itself would answer it
            status = answer.status
            response = web.Response(status=status, reason=answer.reason, text=answer.text, headers=answer.headers)
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
            patient.end_request(
                request.method, request.path, client, status, now() - started, request.remote, counted=counted
            )
        if not response.prepared:
            response.headers["X-Pod"] = pod
            if patient.phase == "draining":  # or the next request on this connection would meet its end
                response.force_close()
                response.headers["Connection"] = "close"
        return response

    return observed


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
    """Make that by which faults meet requests; `instead` answers for them."""

    async def meeting(request: web.Request, client: Client) -> web.Response | None:
        path = request.path
        effect = await meet(patient, Request(request.method, path, client, PROBE_ROUTES.get(path)))
        if effect.answer is None or effect.by is None:
            return None
        return await instead(request, effect.by, effect.answer)

    return meeting
