"""The probe of each route, and its responses."""

from __future__ import annotations

from typing import NamedTuple

from crashy.faults.health import Health
from crashy.faults.scope import ProbeName
from crashy.grpc import CHECK

# A temporary failure (not started, not ready) is 503; one that needs a restart is 500, as in the crashy-app lab.
STATUS: dict[ProbeName, int] = {"startup": 503, "readiness": 503, "liveness": 500}

_WORDS: dict[ProbeName, str] = {"startup": "not started", "readiness": "not ready", "liveness": "not alive"}
_HTML = "text/html"
_FLASK = "<h1><center>{0} check {1}</center><h1>"


class ProbeRoute(NamedTuple):
    """A path of one probe: it answers `yes` with 200 or `no` with `status`, by default the probe's.

    {pod} is the pod's name; in `no`, {left} says how many probes more will fail, {seconds} for how long the patient has
    run. `stopping` is the status and the text after SIGTERM, where they differ from those of `no`.
    """

    path: str
    probe: ProbeName
    yes: str
    no: str
    content_type: str = "text/plain"
    status: int = 0
    stopping: tuple[int, str] | None = None


def _plain(path: str, probe: ProbeName) -> ProbeRoute:
    # `ok` without a newline, as the API server's own /livez and /readyz.
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
    # The Flask health-check lab; its last tag is an opening tag there too.
    ProbeRoute(
        "/readiness", "readiness", _FLASK.format("Readiness", "completed"), _FLASK.format("Readiness", "failed"), _HTML
    ),
    ProbeRoute(
        "/liveness", "liveness", _FLASK.format("Liveness", "completed"), _FLASK.format("Liveness", "failed"), _HTML
    ),
    # The paths in the CKAD course's pod definitions.
    _plain("/api/ready", "readiness"),
    _plain("/api/healthy", "liveness"),
    # kuard.
    _plain("/healthy", "liveness"),
)

_PODINFO = ('{{\n  "status": "OK"\n}}', "", "application/json", 503)

# In the words and with the codes of their sources, see `crashy/patient/personas/`.
OF_PERSONAS: dict[str, tuple[ProbeRoute, ...]] = {
    "kuard": (
        ProbeRoute("/healthy", "liveness", "ok", "fail, {left}", status=500),
        ProbeRoute("/ready", "readiness", "ok", "fail, {left}", status=500),
    ),
    "agnhost": (
        ProbeRoute("/healthz", "liveness", "", "", status=412),
        ProbeRoute("/readyz", "readiness", "ok", "", status=412, stopping=(503, "shutting down")),
    ),
    "agnhost-liveness": (ProbeRoute("/healthz", "liveness", "ok", "error: {seconds}", status=500),),
    "podinfo": (ProbeRoute("/healthz", "liveness", *_PODINFO), ProbeRoute("/readyz", "readiness", *_PODINFO)),
}
"""The probe routes that a persona answers in its own words."""

PROBE_ROUTES: dict[str, ProbeName] = {route.path: route.probe for route in PROBES}

# Faults treat a gRPC health check (a POST to CHECK) as a request of the probe that its service names.
# `podinfo` is that app's own, by default.
GRPC_SERVICES: dict[str, ProbeName] = {"": "readiness", **{probe: probe for probe in STATUS}, "podinfo": "readiness"}


def probe_of(path: str, service: str | None = None) -> ProbeName | None:
    """Return the probe of a path, or of a gRPC health check of a service."""
    if service is None:
        return PROBE_ROUTES.get(path)
    return GRPC_SERVICES.get(service) if path == CHECK else None


FILES: dict[ProbeName, str] = {"startup": "is_started", "readiness": "is_ready", "liveness": "is_healthy"}
"""The file in STATE_DIR that an exec probe looks for."""


def files_of(health: Health) -> dict[str, bool]:
    """Return the files of exec probes by their names, and which of them exist."""
    return {file: getattr(health, probe) for probe, file in FILES.items()}


def routes_of(probe: str) -> tuple[str, ...]:
    """Return the paths of a probe."""
    return tuple(path for path, named in PROBE_ROUTES.items() if named == probe)
