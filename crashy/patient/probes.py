"""Which route is which probe, and what it answers."""

from __future__ import annotations

from typing import NamedTuple

from crashy.faults.scope import ProbeName

# A no that passes (not started, not ready) is 503; a no that calls for a restart is 500, as the crashy-app lab has it.
STATUS: dict[ProbeName, int] = {"startup": 503, "readiness": 503, "liveness": 500}

_WORDS: dict[ProbeName, str] = {"startup": "not started", "readiness": "not ready", "liveness": "not alive"}
_HTML = "text/html"
_FLASK = "<h1><center>{0} check {1}</center><h1>"


class ProbeRoute(NamedTuple):
    """A path that answers one probe: `yes` with 200, `no` with the probe's status; {pod} stands for the pod's name."""

    path: str
    probe: ProbeName
    yes: str
    no: str
    content_type: str = "text/plain"


def _plain(path: str, probe: ProbeName) -> ProbeRoute:
    # `ok` without a newline: what the API server's own /livez and /readyz say.
    return ProbeRoute(path, probe, "ok", _WORDS[probe])


PROBES: tuple[ProbeRoute, ...] = (
    _plain("/startupz", "startup"),
    _plain("/readyz", "readiness"),
    _plain("/livez", "liveness"),
    _plain("/healthz", "liveness"),
    # The crashy-app lab.
    ProbeRoute("/health", "liveness", "200 OK", "500 Internal Server Error"),
    # kodekloud/webapp-delayed-start.
    ProbeRoute("/ready", "readiness", "Message from {pod} : I am ready!", "Message from {pod} : I am not ready!"),
    ProbeRoute("/live", "liveness", "Message from {pod} : I am live!", "Message from {pod} : I am not live!"),
    # The Flask health-check lab; its last tag is an opening one there too.
    ProbeRoute(
        "/readiness", "readiness", _FLASK.format("Readiness", "completed"), _FLASK.format("Readiness", "failed"), _HTML
    ),
    ProbeRoute(
        "/liveness", "liveness", _FLASK.format("Liveness", "completed"), _FLASK.format("Liveness", "failed"), _HTML
    ),
    # The paths that the CKAD course's pod definitions name.
    _plain("/api/ready", "readiness"),
    _plain("/api/healthy", "liveness"),
)

PROBE_ROUTES: dict[str, ProbeName] = {route.path: route.probe for route in PROBES}

GRPC_CHECK = "/grpc.health.v1.Health/Check"
"""The path of a gRPC health check: to faults it is a POST of the probe that its service stands for."""

GRPC_SERVICES: dict[str, ProbeName] = {
    "": "readiness",
    "readiness": "readiness",
    "liveness": "liveness",
    "startup": "startup",
}


def probe_of(path: str, service: str | None = None) -> ProbeName | None:
    """Return the probe that a path answers, or a gRPC health check of a service."""
    if service is None:
        return PROBE_ROUTES.get(path)
    return GRPC_SERVICES.get(service) if path == GRPC_CHECK else None


def routes_of(probe: str) -> tuple[str, ...]:
    """Return the paths that answer a probe."""
    return tuple(path for path, named in PROBE_ROUTES.items() if named == probe)
