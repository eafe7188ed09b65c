"""Routes of personas that any patient has, one file each; those that are a persona's alone: `patient/personas/`."""

from __future__ import annotations

from aiohttp import web

from crashy.server.patient import Patient
from crashy.server.personas import rng, webapp


def routes(patient: Patient) -> list[web.RouteDef]:
    """Return the routes of every persona."""
    return [*rng.routes(patient), *webapp.routes(patient)]
