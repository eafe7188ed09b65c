"""Routes of personas that any patient has, one file each; those that are a persona's alone: `patient/personas/`."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from aiohttp import web

from crashy.server.patient import Patient


def routes(patient: Patient) -> list[web.RouteDef]:
    """Return the routes of every persona."""
    apps = [import_module(f"{__name__}.{file.name}") for file in pkgutil.iter_modules(__path__)]
    return [route for app in apps for route in app.routes(patient)]
