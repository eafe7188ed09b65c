"""GET /peers: the pods that the names in PEERS lead to, each looked up for each request."""

from __future__ import annotations

import asyncio
import socket

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from crashy.patient import APP_PORT
from crashy.server.listeners import url
from crashy.server.names import resolve
from crashy.server.patient import Patient

WITHIN = 1.0
"""Seconds that a peer may take."""


def route(patient: Patient) -> web.RouteDef:
    """Return the route `GET /peers`."""

    async def peers(_request: web.Request) -> web.Response:
        async with ClientSession(timeout=ClientTimeout(WITHIN)) as session:
            lines = await asyncio.gather(*(_ask(session, patient, peer) for peer in patient.settings.peers))
        return web.Response(text="".join(f"{line}\n" for line in lines))

    return web.get("/peers", peers)


async def _ask(session: ClientSession, patient: Patient, peer: str) -> str:
    """Return a line about a peer: its name, and the pod's that has answered or why none has."""
    host, _, port = peer.partition(":")
    try:
        (address, number), *_ = await asyncio.to_thread(resolve, patient, host, int(port or APP_PORT))
        async with session.get(f"{url(address, number)}/hostname") as response:
            return f"{peer} {await response.text() if response.ok else response.status}"
    except socket.gaierror as error:
        return f"{peer} {error.strerror if error.errno == socket.EAI_AGAIN else 'no such name'}"
    except TimeoutError:
        return f"{peer} no answer within {WITHIN:g}s"
    except (ClientError, OSError):
        return f"{peer} refused"
