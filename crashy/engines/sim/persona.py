"""The app of a course that a modelled patient is: its own routes, and the exec probe of its manifests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol
from urllib.parse import parse_qsl

from crashy.engines.sim.process import Condition, Hang
from crashy.errors import BadInput
from crashy.faults.active import FaultSet
from crashy.faults.base import Fault, FaultError
from crashy.faults.scope import Client
from crashy.objects.pod import GRPC, Handler, HTTPGet, TCPSocket
from crashy.patient.answers import Answer
from crashy.patient.identity import Identity
from crashy.patient.personas.routes import PersonaRequest, PersonaRoute, find
from crashy.patient.podcli import parse

Respond = Callable[[Handler, int, float, Client], Awaitable[Condition]]


class _Patient(Protocol):
    """What an app needs of the patient that it is."""

    faults: FaultSet

    def inject(self, fault: Fault, source: str) -> str: ...
    def recover(self, which: str | None = None) -> str: ...


class ModelledPersona:
    """The app that one patient is by its persona; it counts the requests that it answers."""

    def __init__(self, persona: str, who: Identity, patient: _Patient) -> None:
        self._persona = persona
        self._who = who
        self._patient = patient
        self._count = 0

    def route(self, path: str) -> PersonaRoute | None:
        """Return the app's own route for a GET of a path; None if it has none."""
        found = find(self._persona, "GET", path)
        return found[0] if found else None

    def answer(self, path: str, query: str, uptime: float) -> Answer:
        """Answer a GET of one of the app's own paths, and change what comes with that."""
        found = find(self._persona, "GET", path)
        if found is None:
            return Answer(404)
        route, match = found
        given = dict(parse_qsl(query, keep_blank_values=True))
        faults = self._patient.faults.list
        own = PersonaRequest(self._who, path, match=match, query=given, uptime=uptime)
        reply = route.reply(own._replace(answered=self._count, faults=faults))
        self._count += 1
        for name in reply.recover:
            self._patient.recover(name)
        try:
            for fault in reply.inject:
                self._patient.inject(fault, f"GET {path}")
        except FaultError as error:
            return Answer(409, error.message)
        return reply.answer


async def podcli(words: Sequence[str], within: float, respond: Respond) -> Condition:
    """Run `podcli check`: it asks the container itself, once."""
    try:
        check = parse(words)
    except BadInput as error:
        return Answer(500, str(error), exit_code=2)
    host, port, path = check.place
    if host not in {"localhost", "127.0.0.1"}:
        return Answer(body="")
    asks: dict[str, Handler] = {
        "http": HTTPGet(port, path or "/"),
        "tcp": TCPSocket(port),
        "grpc": GRPC(port, check.service),
    }
    condition = await respond(asks[check.kind], port, min(within, check.timeout), "users")
    match condition:
        case Answer(status) if status < 400:
            return condition._replace(body="")
        case Hang() if within <= check.timeout:
            return condition
        case Answer(status, latency=latency):
            return Answer(500, f"check failed: answers {status}", latency)
    return Answer(500, "check failed")
