"""The wrapper around every handler: it applies faults, counts the request and adds it to the timeline."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler

from crashy.faults.effects import InjectedResponse
from crashy.faults.injected import InjectedFault, RequestEffect
from crashy.faults.scope import Client, ProbeName, Request, Sort
from crashy.patient.answers import FAILED
from crashy.patient.probes import PROBE_ROUTES
from crashy.server.answered import GAVE_UP
from crashy.server.patient import Patient
from crashy.server.problem import NOT_ENCODED, Problem

Responder = Callable[[web.Request, InjectedFault, InjectedResponse], Awaitable[web.Response]]
Faulted = Awaitable[web.StreamResponse | None]
FaultHook = Callable[[web.Request, Client, Handler], Faulted | None]

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
            faulted = fault_hook(request, client, handler) if patient.request_faults and fault_hook else None
            injected = None if faulted is None else await faulted
            response = await handler(request) if injected is None else injected
            status = response.status
        except Exception as error:  # noqa: BLE001 - each has its response
            response = _refusal(request, error)
            status = response.status
        finally:
            patient.end_request(
                request.method, request.path, client, status, now() - started, request.remote, counted=counted
            )
            if note is not None:
                note(status, now() - started)
        if not response.prepared:
            response.headers.setdefault("X-Pod", pod)
            if patient.phase == "draining":  # or the next request on this connection would fail
                response.force_close()
                response.headers["Connection"] = "close"
        return response

    return observed


def _refusal(request: web.Request, error: Exception) -> web.Response:
    """Return the response to a request whose handler has raised; raises a ConnectionError again."""
    match error:
        case web.HTTPException():  # as aiohttp itself would answer it
            return web.Response(status=error.status, reason=error.reason, text=error.text, headers=error.headers)
        case Problem():
            return error.response()
        case web.RequestPayloadError():
            return Problem(400, NOT_ENCODED, field="body").response()
        case ConnectionError():
            raise error
    # The last resort: the client gets a 500, the log the traceback.
    _LOG.error("%s %s", request.method, request.path, exc_info=error)
    return web.Response(status=500, text=FAILED)


async def apply_faults(patient: Patient, request: Request) -> RequestEffect:
    """Apply the faults to a request: wait as long as they want; return the rest of their effect.

    A change is left to the caller, who has to release its `holder`.
    """
    effect, executed = patient.on_request(request)
    try:
        if executed is not None:
            await asyncio.wrap_future(executed)
        if effect.delay:
            await asyncio.sleep(effect.delay)
        if effect.hang is not None:
            await wait_until_ended(patient, effect.hang)
    except BaseException:
        patient.release(effect.holder)
        raise
    if effect.hang is not None:
        patient.release(effect.hang)
    return effect


async def _changed(
    patient: Patient, request: web.Request, effect: RequestEffect, handler: Handler
) -> web.StreamResponse | None:
    """Respond as a fault changes it."""
    from crashy.server import responses  # noqa: PLC0415 - few faults need it

    async def answer() -> web.StreamResponse:
        try:
            return await handler(request)
        except Exception as error:  # noqa: BLE001 - each has its response
            return _refusal(request, error)

    with responses.changing(patient, effect) as changed:
        return await changed.http(request, answer)


def make_fault_hook(
    patient: Patient, respond: Responder, probe_of: Callable[[web.Request], ProbeName | None] | None = None
) -> FaultHook:
    """Return the hook that applies faults to a request, if any may match it: it is called for each one.

    `respond` makes the response that a fault sends, `probe_of` returns the probe that a request is of: by default its
    path's.
    """
    spares = patient.faults.spares

    def fault_hook(request: web.Request, client: Client, handler: Handler) -> Faulted | None:
        path = request.path
        probe = PROBE_ROUTES.get(path) if probe_of is None else probe_of(request)
        sort = (request.method, path, client, probe)
        return None if spares(sort) else faulted(request, sort, handler)

    async def faulted(request: web.Request, sort: Sort, handler: Handler) -> web.StreamResponse | None:
        effect = await apply_faults(patient, Request(*sort, request.headers.items()))
        if effect.by is None:
            return None
        if effect.response is not None:
            return await respond(request, effect.by, effect.response)
        return await _changed(patient, request, effect, handler)

    return fault_hook
