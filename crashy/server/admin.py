"""The admin API: inject and recover faults by HTTP. Both planes have its routes; they depend on neither's loop."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import web

from crashy.faults.base import Fault, FaultError, find, from_json, parse_spec
from crashy.faults.injected import InjectedFault
from crashy.server import fleet_api, payload
from crashy.server.operation import Operation
from crashy.server.patient import Patient
from crashy.server.problem import Problem, json_response
from crashy.server.stream import Streams

if TYPE_CHECKING:
    from crashy.server.metrics import Metrics

_LOG = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def mount(
    app: web.Application,
    patient: Patient,
    around: Callable[[Handler], Handler] = lambda one: one,
    meter: Metrics | None = None,
) -> None:
    """Add the admin API to an app, with each handler wrapped in `around`; its event streams end with the app.

    `meter` serves /metrics; without one there is no such route.
    """
    admin = AdminApi(patient, meter)
    app.router.add_routes(web.RouteDef(r.method, r.path, around(r.handler), r.kwargs) for r in admin.routes())
    app.on_shutdown.append(admin.streams.close)
    if meter is not None:
        app.on_startup.append(meter.label_routes)


def check_token(request: web.Request, token: str | None) -> None:
    """Raise a 401 Problem unless the request carries the patient's token, or the patient has none."""
    if not token:
        return
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and hmac.compare_digest(_bytes(given.strip()), _bytes(token)):
        return
    raise Problem(
        401,
        "the token is wrong" if given else "this patient has a token: send Authorization: Bearer TOKEN",
        field="Authorization",
        headers={"WWW-Authenticate": 'Bearer realm="crashy"' + (', error="invalid_token"' if given else "")},
    )


def inject(patient: Patient, fault: Fault, source: str) -> InjectedFault:
    """Inject a fault; raises a 409 Problem where the patient rejects it."""
    try:
        return patient.inject(fault, source)
    except FaultError as error:
        raise Problem(409, error.message, field=error.field) from None


def _bytes(text: str) -> bytes:
    # aiohttp keeps bytes of a header that are not UTF-8 as surrogates
    return text.encode("utf-8", "surrogateescape")


class AdminApi:
    """The handlers of one app; their docstrings are their descriptions in the OpenAPI document."""

    def __init__(self, patient: Patient, meter: Metrics | None) -> None:
        self.patient = patient
        self.meter = meter
        self.operations = OPERATIONS if meter is None else (*OPERATIONS, METRICS)
        self.streams = Streams(patient.timeline, {"X-Pod": patient.identity.pod})

    def routes(self) -> list[web.RouteDef]:
        """Return a route for each path, and two for unknown paths; each takes every method."""
        handlers: dict[str, dict[str, Operation]] = {}
        for operation in self.operations:
            handlers.setdefault(operation.path, {})[operation.method] = operation
        return [
            *(web.route("*", path, partial(self._serve, methods)) for path, methods in handlers.items()),
            *(web.route("*", path, partial(self._serve, {})) for path in ("/admin", "/admin/{rest:.*}")),
        ]

    async def _serve(self, methods: dict[str, Operation], request: web.Request) -> web.StreamResponse:
        """Answer by the operation of path and method; every error becomes a problem document."""
        try:
            if not methods:
                raise Problem(404, f"there is nothing at {request.path}: see /admin/openapi.json")
            operation = methods.get("GET" if request.method == "HEAD" else request.method)
            if operation is None:
                raise _not_allowed(methods)
            if operation.mutates:
                check_token(request, self.patient.settings.admin_token)
            return await operation.handler(self, request)
        except Problem as problem:
            return problem.response()
        except FaultError as error:
            return Problem(400, error.message, field=error.field, allowed=error.allowed).response()
        except ConnectionError:  # the client has disconnected
            raise
        except Exception:  # noqa: BLE001 - the last resort: the traceback goes to the log, not to the client
            _LOG.exception("%s %s", request.method, request.path)
            return Problem(500, "the patient failed to answer: its log says why").response()

    async def get_status(self, _request: web.Request) -> web.StreamResponse:
        """Return the patient's status: its identity, health, probes, countdowns and faults."""
        return json_response(self.patient.status())

    async def get_probes(self, _request: web.Request) -> web.StreamResponse:
        """Return what the patient has seen of its probes, with the last results of each."""
        return json_response(self.patient.seen.whole())

    async def get_catalogue(self, _request: web.Request) -> web.StreamResponse:
        """List the faults that can be injected, with their parameters, and the scope that any fault may have."""
        from crashy.faults.catalogue import catalogue, scope_catalogue  # noqa: PLC0415 - few need it

        return json_response({"faults": catalogue(), "scope": scope_catalogue()})

    async def list_faults(self, _request: web.Request) -> web.StreamResponse:
        """List the pending and active faults, and those that ended recently."""
        faults = self.patient.faults
        return json_response({"faults": self._describe([*faults.ended(), *faults.list()])})

    async def get_fault(self, request: web.Request) -> web.StreamResponse:
        """Return the state of one fault."""
        return json_response(self._describe([self._find(request.match_info["id"])])[0])

    async def inject_fault(self, request: web.Request) -> web.StreamResponse:
        """Inject a fault.

        The body is a fault as JSON (`{"fault": "freeze", "for": "10s"}`), or a fault spec: as JSON
        (`{"spec": "freeze for=10s"}`, `"freeze for=10s"`) or as plain text.
        """
        return self._inject(payload.fault(await payload.read(request)))

    async def crash(self, request: web.Request) -> web.StreamResponse:
        """Crash the patient; the body may hold the parameters of the fault `crash`."""
        return self._inject(_named_fault("crash", await payload.read(request)))

    async def freeze(self, request: web.Request) -> web.StreamResponse:
        """Freeze the patient; the body may hold the parameters of the fault `freeze`."""
        return self._inject(_named_fault("freeze", await payload.read(request)))

    async def recover_faults(self, _request: web.Request) -> web.StreamResponse:
        """Recover every fault."""
        return self._recovered(self.patient.recover(None))

    async def recover_fault(self, request: web.Request) -> web.StreamResponse:
        """Recover one fault; one that has ended stays ended."""
        self.patient.recover(self._find(request.match_info["id"]).id)
        return web.Response(status=204)

    async def recover(self, request: web.Request) -> web.StreamResponse:
        """Recover every fault, the one that the body names (`{"id": "f1"}`), or all of one kind.

        A kind is given by its name (`{"fault": "freeze"}`): where no fault of that kind is pending or active, nothing
        happens.
        """
        value = await payload.read(request)
        if value in ("", {}):
            return self._recovered(self.patient.recover(None))
        if isinstance(value, dict):
            key = "fault" if "fault" in value else "id"
            value = payload.sole_member(value, key, "give either id or fault, and nothing else")
            if key == "fault":
                return self._recovered(self.patient.recover(find(value).name))
        if not isinstance(value, str):
            raise Problem(400, 'must be the id of a fault, such as "f1"', field="id")
        return self._recovered(self.patient.recover(self._find(value).id))

    async def stream_events(self, request: web.Request) -> web.StreamResponse:
        """Stream the patient's timeline as server-sent events, each an event as JSON.

        Without `Last-Event-ID` the stream begins now. After an unknown id, such as one of an earlier run of the
        patient, it begins with the oldest event that is kept.
        """
        if request.method == "HEAD":  # it would never end
            raise _not_allowed(["GET"])
        return await self.streams.answer(request)

    async def get_openapi(self, _request: web.Request) -> web.StreamResponse:
        """Return this document."""
        from crashy.faults.catalogue import catalogue, scope_catalogue  # noqa: PLC0415 - few need it
        from crashy.server.openapi import document  # noqa: PLC0415

        return json_response(document(self.operations, catalogue(), scope_catalogue()))

    async def get_metrics(self, _request: web.Request) -> web.StreamResponse:
        """Return the counts of requests and the patient's health in Prometheus' format; only with `METRICS`."""
        assert self.meter is not None  # noqa: S101 - or it would not be mounted
        return self.meter.respond()

    def _find(self, fault_id: str) -> InjectedFault:
        found = self.patient.faults.get(fault_id)
        if found is None:
            raise Problem(404, f"there is no fault {fault_id!r}", field="id")
        return found

    def _describe(self, faults: Iterable[InjectedFault]) -> list[dict[str, Any]]:
        now = self.patient.now()
        return [active.to_json(now) for active in faults]

    def _recovered(self, faults: Iterable[InjectedFault]) -> web.StreamResponse:
        return json_response({"recovered": self._describe(faults)})

    def _inject(self, fault: Fault) -> web.StreamResponse:
        active = inject(self.patient, fault, "admin")
        return json_response(
            self._describe([active])[0], status=201, headers={"Location": f"/admin/faults/{active.id}"}
        )


def _not_allowed(methods: Iterable[str]) -> Problem:
    allowed = sorted(methods)
    return Problem(
        405, f"allowed methods: {', '.join(allowed)}", allowed=allowed, headers={"Allow": ", ".join(allowed)}
    )


def _named_fault(name: str, value: Any) -> Fault:
    """Read the fault `name` with the parameters in a body, if any."""
    if isinstance(value, str):
        return parse_spec(f"{name} {value}")
    if isinstance(value, dict) and value.get("fault", name) == name:
        return from_json({**value, "fault": name})
    raise Problem(
        400,
        f"the body may hold parameters of {name}: a JSON object, or text such as for=10s",
        field="fault" if isinstance(value, dict) else "body",
    )


OPERATIONS = (
    Operation("GET", "/admin/status", AdminApi.get_status, {200: "Status"}),
    Operation("GET", "/admin/probes", AdminApi.get_probes, {200: "Probes"}),
    Operation("GET", "/admin/catalogue", AdminApi.get_catalogue, {200: "Catalogue"}),
    Operation("GET", "/admin/faults", AdminApi.list_faults, {200: "Faults"}),
    Operation("POST", "/admin/faults", AdminApi.inject_fault, {201: "Fault"}, "Injection", (409,)),
    Operation("DELETE", "/admin/faults", AdminApi.recover_faults, {200: "Recovered"}),
    Operation("GET", "/admin/faults/{id}", AdminApi.get_fault, {200: "Fault"}, errors=(404,)),
    Operation("DELETE", "/admin/faults/{id}", AdminApi.recover_fault, {204: None}, errors=(404,)),
    Operation("POST", "/admin/crash", AdminApi.crash, {201: "Fault"}, "CrashParameters", (409,)),
    Operation("POST", "/admin/freeze", AdminApi.freeze, {201: "Fault"}, "FreezeParameters", (409,)),
    Operation("POST", "/admin/recover", AdminApi.recover, {200: "Recovered"}, "Recovery", (404,)),
    *fleet_api.OPERATIONS,
    Operation("GET", "/admin/events", AdminApi.stream_events, {200: "Event"}, media_type="text/event-stream"),
    Operation("GET", "/admin/openapi.json", AdminApi.get_openapi, {200: "OpenAPI"}),
)
"""Every operation of the API: the routes and the OpenAPI document are made from it."""

METRICS = Operation("GET", "/metrics", AdminApi.get_metrics, {200: "Metrics"}, media_type="text/plain")
"""The operation that METRICS adds."""
