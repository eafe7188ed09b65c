"""webapp-delayed-start and webapp-color of the Kubernetes courses: /crash and /freeze, and what they print."""

from __future__ import annotations

from aiohttp import web

from crashy.patient.identity import Identity
from crashy.server.admin import check_token, inject
from crashy.server.gate import wait_until_ended
from crashy.server.patient import Patient


def stuck(identity: Identity) -> str:
    """Return the line that a blocked app prints every 2 s."""
    return f"Message from {identity.pod} : Bad Code! I am stuck!"


def warming_up(seconds: float) -> str:
    """Return the first line of an app with APP_START_DELAY."""
    return f"Warming Up Application. Will take {seconds:g} seconds to finish."


READY = "Application Ready!"
"""The line after the warm-up."""


def routes(patient: Patient) -> list[web.RouteDef]:
    """Return this app's own routes. /crash and /freeze check ADMIN_TOKEN; HEAD, as link checkers send, does nothing."""
    identity = patient.identity

    async def crash(request: web.Request) -> web.Response:
        check_token(request, patient.settings.admin_token)
        mayday = f"Message from {identity.pod} : Mayday! Mayday! Going to crash!"
        patient.add_event("Said", mayday)
        from crashy.faults.kinds.crash import Crash  # noqa: PLC0415 - few are asked to

        inject(patient, Crash(code=patient.settings.exit_code), "GET /crash")
        return web.Response(text=mayday, headers={"Connection": "close"})

    async def freeze(request: web.Request) -> web.Response:
        check_token(request, patient.settings.admin_token)
        from crashy.faults.kinds.freeze import Freeze  # noqa: PLC0415 - few are asked to

        await wait_until_ended(patient, inject(patient, Freeze(), "GET /freeze"))
        return web.Response(text=stuck(identity))

    return [web.get("/crash", crash, allow_head=False), web.get("/freeze", freeze, allow_head=False)]
