"""The random number generator of dockercoins: GET /N returns N random bytes after 0.1 s."""

from __future__ import annotations

import asyncio
import os
import time

from aiohttp import web

from crashy.patient.life import RNG_SECONDS
from crashy.server.patient import Patient

MAX_BYTES = 1024 * 1024


def routes(patient: Patient) -> list[web.RouteDef]:
    """Return this app's own routes; RNG_MODE=blocking serves one request at a time, as its single thread did."""
    blocking = patient.settings.rng_mode == "blocking"

    async def random_bytes(request: web.Request) -> web.Response:
        digits = request.match_info["n"]
        if len(digits) > 7 or int(digits) > MAX_BYTES:
            return web.Response(status=400, text=f"/{digits[:20]}: must be a number of bytes from 0 to {MAX_BYTES}\n")
        if blocking:
            time.sleep(RNG_SECONDS)  # noqa: ASYNC251 - the lesson is an app that can do one thing at a time
        else:
            await asyncio.sleep(RNG_SECONDS)
        return web.Response(body=os.urandom(int(digits)), content_type="application/octet-stream")

    return [web.get("/{n:[0-9]+}", random_bytes)]
