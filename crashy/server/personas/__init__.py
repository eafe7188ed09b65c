"""The known lab apps whose routes and texts the patient has; PERSONA says which of them answers /."""

from __future__ import annotations

from collections.abc import Callable

from crashy.patient.identity import Identity
from crashy.server.personas import crashy_app, flask_healthcheck, rng, webapp

GREETINGS: dict[str, Callable[[Identity], str]] = {
    "crashy-app": crashy_app.greeting,
    "webapp-delayed-start": webapp.greeting,
    "webapp-color": webapp.greeting,
    "flask-healthcheck": flask_healthcheck.greeting,
    "rng": rng.greeting,
}

CRASHED = "500 Internal Server Error"
"""What every other path says after a crash that the process survived: the crashy-app lab's /health, word for word."""


def crashed(persona: str, identity: Identity, path: str, ago: float) -> str:
    """Return what a path says `ago` seconds after a crash that the process survived."""
    if path == "/" and persona == "crashy-app":
        return crashy_app.crashed(identity, ago)
    return CRASHED
