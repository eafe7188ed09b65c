"""The patient's gRPC port: grpc.health.v1.Health, on the data plane's loop, so that it freezes and fails with the app.

Services are named after probes: `""` and `readiness` have the status of readiness, `liveness` and `startup` of theirs.
Faults take a Check as that probe's request (`POST /grpc.health.v1.Health/Check`), so that `unready`, `unlive` and
`crash mode=errors` make it NOT_SERVING, and faults that match the kubelet (`latency clients=kubelet`) apply to it too.
A Watch is no probe: it sends the health without random faults, and ends with the process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from crashy.faults.health import Health
from crashy.faults.injected import NOTHING, RequestEffect
from crashy.faults.scope import ProbeName, Request
from crashy.grpc import CHECK, HEALTH, OF_HTTP, WATCH, Code, Serving, fields
from crashy.patient.answers import fault_answer, probe_answer
from crashy.patient.probes import GRPC_SERVICES, probe_of
from crashy.server import grpc_wire as wire
from crashy.server.answered import GAVE_UP, NO_ANSWER
from crashy.server.calls import CallError, Unanswered
from crashy.server.gate import apply_faults
from crashy.server.listeners import Listeners
from crashy.server.patient import Patient

# For the log: the status that an HTTP response would have.
_TO_HTTP: dict[int, int] = {
    Code.NOT_FOUND: 404,
    Code.UNIMPLEMENTED: 404,
    Code.RESOURCE_EXHAUSTED: 413,
    Code.UNAVAILABLE: 503,
}


class GrpcHealth:
    """Serves the health of one patient on its port; `probe_of` returns the probe that a path and service are of.

    `changed` may be called from any thread, whenever the health may have changed.
    """

    def __init__(
        self,
        patient: Patient,
        loop: asyncio.AbstractEventLoop,
        probe_of: Callable[[str, str], ProbeName | None] = probe_of,
    ) -> None:
        port = patient.settings.grpc_port
        self.listeners = Listeners(patient, "GRPC_PORT", patient.settings.host, [] if port is None else [port])
        self._patient = patient
        self._probe_of = probe_of
        self._loop = loop
        self._open: set[wire.GrpcConnection] = set()
        self._last: Health | None = None
        self._change = asyncio.Event()

    async def listen(self) -> None:
        """Listen on the port that was bound."""
        patient = self._patient
        await self.listeners.listen(self.connection)
        (port,) = self.listeners.ports
        patient.add_event("Listening", f"gRPC health on {patient.settings.host}:{port}", ports=[port], plane="grpc")

    def connection(self) -> wire.GrpcConnection:
        """Return the protocol of a new connection."""
        return wire.GrpcConnection(self._handle, ("x-pod", self._patient.identity.pod), self._open)

    def changed(self) -> None:
        """Wake every Watch, if the health has changed."""
        health = self._patient.health("grpc")
        if health != self._last:
            self._last = health
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        change, self._change = self._change, asyncio.Event()
        change.set()

    def close(self) -> None:
        """Stop listening and close every connection."""
        self.listeners.close()
        for connection in tuple(self._open):
            connection.close()

    async def _handle(self, call: wire.Call) -> None:
        patient = self._patient
        started, status, service = patient.now(), GAVE_UP, None
        client = patient.begin_request(call.headers.get("user-agent", ""))
        note = None
        try:
            service = _service(call)
            if client == "kubelet" and call.path == CHECK:
                note = patient.seen.grpc(call.connection.transport, call.headers["user-agent"], service)
            request = Request("POST", call.path, client, self._probe_of(call.path, service), call.headers.items())
            if call.path == WATCH:
                await self._watch(call, request, service)
                status = 200
            else:
                status = await self._check(call, request, service)
        except CallError as error:
            status = _TO_HTTP.get(error.code, 500)
            raise
        except Unanswered:
            status = NO_ANSWER
            raise
        except Exception:
            status = 500
            raise
        finally:
            patient.end_request("POST", call.path, client, status, patient.now() - started, call.remote, service)
            if note is not None:
                note(status, patient.now() - started)

    async def _check(self, call: wire.Call, request: Request, service: str) -> int:
        """Answer a Check; return the status that an HTTP probe would get."""
        effect = await self._apply_faults(request)
        patient, serving = self._patient, False

        async def answer() -> bytes:
            nonlocal serving
            if request.is_probe is None:
                raise CallError(Code.NOT_FOUND, "unknown service")
            if patient.dependencies is not None and effect.response is None:
                await asyncio.sleep(patient.dependencies.wait(request.is_probe))
            serving = effect.response is None and getattr(patient.own_health(), request.is_probe)
            return _response(Serving.SERVING if serving else Serving.NOT_SERVING)

        await self._send(call, effect, answer)
        return probe_answer(call.path, request.is_probe or "readiness", "", yes=serving).status

    async def _send(self, call: wire.Call, effect: RequestEffect, answer: Callable[[], Awaitable[bytes]]) -> None:
        """Send a message, as a fault changes it."""
        if effect.change is None:
            await call.send(await answer())
            return
        from crashy.server import responses  # noqa: PLC0415 - few faults need it

        with responses.changing(self._patient, effect) as changed:
            await changed.grpc(call, answer)

    async def _watch(self, call: wire.Call, request: Request, service: str) -> None:
        """Send a service's status, and again whenever it changes, until the client disconnects."""
        patient = self._patient
        users = request.client == "users"
        patient.in_flight -= 1  # a drain doesn't wait for watches
        patient.finished += users
        try:
            effect = await self._apply_faults(request)
            sent = None
            while True:
                change, status = self._change, Serving.SERVICE_UNKNOWN
                if service in GRPC_SERVICES:
                    healthy = getattr(patient.health("grpc"), GRPC_SERVICES[service])
                    status = Serving.SERVING if healthy else Serving.NOT_SERVING
                if status != sent:
                    await self._send(call, effect, partial(_later, _response(status)))
                    sent, effect = status, NOTHING
                await change.wait()
        finally:
            patient.in_flight += 1
            patient.finished -= users

    async def _apply_faults(self, request: Request) -> RequestEffect:
        """Apply the faults; return what is left: a response means NOT_SERVING. Raises CallError for an error."""
        patient = self._patient
        if not patient.request_faults:
            return NOTHING
        effect = await apply_faults(patient, request)
        if effect.response is None or effect.by is None or effect.by.fault.failing():
            return effect
        given = effect.response._replace(body=effect.response.body or None)  # gRPC has no empty message
        persona = patient.settings.persona
        answer = fault_answer(effect.by, given, request.path, persona, patient.identity, now=patient.now())
        raise CallError(OF_HTTP.get(answer.status, Code.UNKNOWN), answer.body)


async def _later(message: bytes) -> bytes:
    return message


def _service(call: wire.Call) -> str:
    """Return the service of a call; raises CallError."""
    if not call.headers.get("content-type", "").startswith("application/grpc"):
        raise CallError(Code.INTERNAL, "content-type: must be application/grpc")
    if call.path not in (CHECK, WATCH):
        service, _, method = call.path.removeprefix("/").rpartition("/")
        known = service == HEALTH
        text = f"unknown method {method} for service {service}" if known else f"unknown service {service}"
        raise CallError(Code.UNIMPLEMENTED, text)
    try:
        return _read_request(call.message())
    except ValueError:
        raise CallError(Code.INTERNAL, "the request is not a HealthCheckRequest") from None


def _read_request(message: bytes) -> str:
    """Read a HealthCheckRequest: `string service = 1`, other fields are skipped; raises ValueError."""
    service = ""
    for number, value in fields(message):
        if number == 1 and isinstance(value, bytes):
            service = value.decode()
    return service


def _response(status: int) -> bytes:
    """Write a HealthCheckResponse: `ServingStatus status = 1`."""
    return bytes((0x08, status))
