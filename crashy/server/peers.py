"""GET /peers: the pods that the names in PEERS lead to, each looked up for each request."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from pathlib import Path

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from crashy.patient import APP_PORT
from crashy.server.patient import Patient

WITHIN = 1.0
"""Seconds that a peer may take."""


def route(patient: Patient) -> web.RouteDef:
    """Return the route `GET /peers`."""
    settings = patient.settings

    async def peers(_request: web.Request) -> web.Response:
        async with ClientSession(timeout=ClientTimeout(WITHIN)) as session:
            lines = await asyncio.gather(*(_ask(session, peer, settings.names_file) for peer in settings.peers))
        return web.Response(text="".join(f"{line}\n" for line in lines))

    return web.get("/peers", peers)


async def _ask(session: ClientSession, peer: str, file: str) -> str:
    """Return a line about a peer: its name, and the pod's that has answered or why none has."""
    host, _, port = peer.partition(":")
    try:
        (address, number), *_ = await places(host, int(port or APP_PORT), file)
        async with session.get(f"http://{address}:{number}/hostname") as response:
            return f"{peer} {await response.text() if response.ok else response.status}"
    except socket.gaierror:
        return f"{peer} no such name"
    except TimeoutError:
        return f"{peer} no answer within {WITHIN:g}s"
    except (ClientError, OSError):
        return f"{peer} refused"


async def places(host: str, port: int, file: str) -> list[tuple[str, int]]:
    """Return where a name leads: by the file's lines of it, else by this machine's resolver; raises gaierror."""
    if found := look_up(host, port, await asyncio.to_thread(_lines, file)):
        return found
    resolved = await asyncio.get_running_loop().getaddrinfo(host, port, family=socket.AF_INET, type=socket.SOCK_STREAM)
    return [(str(address[0]), port) for *_, address in resolved]


def look_up(host: str, port: int, lines: Iterable[str]) -> list[tuple[str, int]]:
    """Return the places of a name's port, from lines `NAME PORT ADDRESS PORT`; others are skipped."""
    words = [line.split() for line in lines]
    found = [one[2:] for one in words if one[:2] == [host.rstrip("."), str(port)]]
    return [(one[0], int(one[1])) for one in found if len(one) == 2 and one[1].isdecimal()]


def _lines(file: str) -> list[str]:
    path = Path(file)
    return path.read_text().splitlines() if file and path.exists() else []
