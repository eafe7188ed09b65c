"""The wrapper around every handler: it applies faults, counts the request and adds it to the timeline."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler

from crashy.faults.active import InjectedFault, RequestEffect
from crashy.faults.effects import InjectedResponse
from crashy.faults.scope import Client, ProbeName, Request
from crashy.patient.probes import PROBE_ROUTES
from crashy.server.answered import GAVE_UP
from crashy.server.patient import Patient
from crashy.server.problem import Problem

Responder = Callable[[web.Request, InjectedFault, InjectedResponse], Awaitable[web.Response]]
FaultHook = Callable[[web.Request, Client], Awaitable[web.Response | None]]

_LOG = logging.getLogger(__name__)


async def wait_until_ended(patient: Patient, active: InjectedFault) -> None:
    """Wait until a fault has ended."""
    ended = patient.end_of(active)
    try:
        await asyncio.wrap_future(ended)
    finally:
        patient.forget(active, ended)


def observe(patient: Patient, handler: Handler, fault_hook: FaultHook | None = None) -> Handler:
    """Return a handler that adds each request to the timeline, and answers with a problem, or with 500 for a bug.

    `fault_hook` applies faults first; only requests that have one are counted as the app's. This is a function around
    each handler and no middleware: aiohttp's first middleware would cost a request more than all this.
    """
    pod, now, counted = patient.identity.pod, patient.now, fault_hook is not None

    async def observed(request: web.Request) -> web.StreamResponse:
        started = now()
        status = GAVE_UP
        client = patient.begin_request(request.headers.get("User-Agent", ""), counted=counted)
        note = patient.seen.http(request) if client == "kubelet" else None
        try:
            injected = await fault_hook(request, client) if patient.request_faults and fault_hook else None
            response = await handler(request) if injected is None else injected
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
            if note is not None:
                note(status, now() - started)
        if not response.prepared:
            response.headers["X-Pod"] = pod
            if patient.phase == "draining":  # or the next request on this connection would fail
                response.force_close()
                response.headers["Connection"] = "close"
        return response

    return observed


async def apply_faults(patient: Patient, request: Request) -> RequestEffect:
    """Apply the faults to a request: wait as long as they want; return the rest of their effect."""
    effect, executed = patient.on_request(request)
    if executed is not None:
        await asyncio.wrap_future(executed)
    if effect.delay:
        await asyncio.sleep(effect.delay)
    if effect.hang is not None:
        await wait_until_ended(patient, effect.hang)
    return effect


def _probe_of(request: web.Request) -> ProbeName | None:
    return PROBE_ROUTES.get(request.path)


def make_fault_hook(
    patient: Patient, respond: Responder, probe_of: Callable[[web.Request], ProbeName | None] = _probe_of
) -> FaultHook:
    """Return the hook that applies faults to a request.

    `respond` makes the response that a fault sends, `probe_of` returns the probe that a request is of.
    """

    async def fault_hook(request: web.Request, client: Client) -> web.Response | None:
        effect = await apply_faults(patient, Request(request.method, request.path, client, probe_of(request)))
        if effect.response is None or effect.by is None:
            return None
        return await respond(request, effect.by, effect.response)

    return fault_hook
