"""What a healthy patient answers, by its settings: its ports, what each speaks, and its routes."""

from __future__ import annotations

import re
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote

from crashy.patient.answers import PAGES
from crashy.patient.identity import Identity
from crashy.patient.personas.routes import PersonaRequest, find
from crashy.patient.probes import GRPC_SERVICES, PROBE_ROUTES
from crashy.patient.settings import Settings

ADMIN_PAGES = frozenset(
    f"/admin/{name}" for name in ("status", "probes", "catalogue", "faults", "fleet", "openapi.json")
)
"""What the admin API answers to a GET at once."""

_NUMBER = re.compile(r"/[0-9]+")


def ports(settings: Settings) -> tuple[int, ...]:
    """Return the ports that the patient listens on."""
    own = (settings.admin_port, settings.grpc_port)
    return (*settings.port, *(port for port in own if port))


def route(path: str) -> str:
    """Return the route that a handler's path leads to: without query and fragment.

    >>> route("readyz?full")
    '/readyz'
    """
    return "/" + unquote(path.partition("#")[0].partition("?")[0]).removeprefix("/")


def get_refused(settings: Settings, port: int, path: str, *, https: bool) -> str:
    """Return why a GET of a handler's path gets no answer below 400; empty if it gets one.

    >>> get_refused(Settings(), 8080, "/readyz", https=True)
    'it speaks no TLS on 8080'
    >>> get_refused(Settings(), 8080, "/nope", https=False), get_refused(Settings(), 8080, "/readyz", https=False)
    ('it answers /nope on 8080 with 404', '')
    """
    if refused := connection_refused(settings, port):
        return refused
    if https:
        return f"it speaks no TLS on {port}"
    if port == settings.grpc_port:
        return f"it speaks gRPC on {port}"
    asked, path = path, route(path)
    if path in ADMIN_PAGES or (path == "/metrics" and settings.metrics):
        return ""
    if path == "/admin/events":
        return f"its answer to {path} has no end"
    known = path in PAGES or path in PROBE_ROUTES or _NUMBER.fullmatch(path) or path == "/peers"
    known = known or (path == "/dependencies" and bool(settings.dependencies))
    found = find(settings.persona, "GET", path) if port != settings.admin_port else None
    if path in {"/crash", "/freeze"} or (found and found[0].changes):
        return f"{path} makes it fail"
    if found:
        query = dict(parse_qsl(asked.partition("#")[0].partition("?")[2], keep_blank_values=True))
        status = found[0].reply(PersonaRequest(Identity(""), path, match=found[1], query=query)).answer.status
        return f"it answers {asked} with {status}" if status >= HTTPStatus.BAD_REQUEST else ""
    return "" if known and port != settings.admin_port else f"it answers {path} on {port} with 404"


def check_refused(settings: Settings, port: int, service: str) -> str:
    """Return why a gRPC health check isn't answered with SERVING; empty if it is."""
    if refused := connection_refused(settings, port):
        return refused
    if port != settings.grpc_port:
        return f"it speaks no gRPC on {port}"
    return "" if service in GRPC_SERVICES else f"it knows no gRPC service {service!r}"


def connection_refused(settings: Settings, port: int) -> str:
    """Return why nobody accepts a connection to a port; empty if the patient does."""
    mine = ports(settings)
    return "" if port in mine else f"nothing listens on {port}: it listens on {', '.join(map(str, mine))}"
