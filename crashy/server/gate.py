"""What every request passes: faults meet it here, and it is counted and told to the timeline."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from aiohttp.typedefs import Handler

from crashy.faults.active import Active, RequestEffect
from crashy.faults.scope import Client, Request
from crashy.patient.probes import PROBE_ROUTES
from crashy.server.patient import Patient
from crashy.server.problem import Problem
from crashy.timeline import Event

Instead = Callable[[web.Request, Active, int], web.Response]
Meeting = Callable[[web.Request], Awaitable[web.Response | None]]

UNMATCHED = "/{unmatched}"
"""How aiohttp names the route that takes what no other does."""

KUBELET = "kube-probe/"
"""How the User-Agent of a kubelet's HTTP probe begins."""

GAVE_UP = 499
"""Told as the status of a request whose client went away before the answer."""

_LOG = logging.getLogger(__name__)


async def hold(patient: Patient, active: Active) -> None:
    """Wait until a fault has ended."""
    ended = patient.end_of(active)
    try:
        await asyncio.wrap_future(ended)
    finally:
        patient.forget(active, ended)


def observe(patient: Patient, handler: Handler, meeting: Meeting | None = None) -> Handler:
    """Give a handler that tells the timeline of each request, and answers with a refusal, or a 500 for a bug.

    `meeting` is where faults meet the request first; what has one counts as asked of the app. A function around each
    handler instead of a middleware: what aiohttp does for an app's first middleware costs a request more than all this.
    """
    pod = patient.identity.pod

    def sign(response: web.StreamResponse) -> None:
        response.headers["X-Pod"] = pod
        if patient.phase == "draining":  # or the next request on this connection would meet its end
            response.force_close()
            response.headers["Connection"] = "close"

    async def observed(request: web.Request) -> web.StreamResponse:
        started = patient.now()
        status = GAVE_UP
        if meeting is not None:
            patient.requests += client_of(request) == "users"
            patient.in_flight += 1
        try:
            answered = await meeting(request) if patient.ill and meeting is not None else None
            response = await handler(request) if answered is None else answered
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
            tell(patient, request, status, started)
        if not response.prepared:
            sign(response)
        return response

    return observed


def tell(patient: Patient, request: web.BaseRequest, status: int, started: float) -> None:
    """Add a request and its answer to the timeline; `started` is on the patient's clock."""
    seconds, client = patient.now() - started, client_of(request)
    patient.timeline.later(
        "request",
        _told_plainly,
        patient.identity.pod,
        request.method,
        request.path,
        client,
        status,
        seconds,
        request.remote,
    )


def _told_plainly(  # noqa: PLR0917 - it is called by the timeline alone, as is `_told`
    t: float, pod: str, method: str, path: str, client: Client, status: int, seconds: float, remote: str | None
) -> Event:
    return _told(t, pod, Request(method, path, client, PROBE_ROUTES.get(path)), status, seconds, remote, {})


def report(patient: Patient, request: Request, status: int, started: float, remote: str | None, **data: object) -> None:
    """Add a request to the timeline, whatever protocol it came by; `data` is told beside what every request has."""
    seconds = patient.now() - started
    patient.timeline.later("request", _told, patient.identity.pod, request, status, seconds, remote, data)


def _told(  # noqa: PLR0917 - it is called by the timeline alone
    t: float, pod: str, request: Request, status: int, seconds: float, remote: str | None, data: Mapping[str, object]
) -> Event:
    milliseconds = round(seconds * 1000, 3)
    method, path, client, probe = request
    told = {
        "method": method,
        "path": path,
        "status": status,
        "ms": milliseconds,
        "remote": remote,
        "client": client,
        "probe": probe,
        **data,
    }
    message = f"{method} {path} {status} {milliseconds:g}ms {remote}"
    return Event(t, pod, "request", f"pod/{pod}", "Answered" if status != GAVE_UP else "GaveUp", message, told)


def _asked(request: web.BaseRequest) -> Request:
    """Give a request as faults see it."""
    return Request(request.method, request.path, client_of(request), PROBE_ROUTES.get(request.path))


def client_of(request: web.BaseRequest) -> Client:
    """Say who asks, by what it calls itself."""
    return "kubelet" if request.headers.get("User-Agent", "").startswith(KUBELET) else "users"


async def meet(patient: Patient, request: Request) -> RequestEffect:
    """Let a request meet the faults, and do the waiting that they want; gives the rest of what they do to it."""
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
            return instead(request, effect.by, answer.status)
        return web.Response(status=answer.status, text=answer.body, headers=dict(answer.headers))

    return meeting
