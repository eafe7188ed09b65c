"""Find the pods that PEERS leads to, and ask their admin APIs."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

from aiohttp import ClientError, ClientSession

from crashy.faults.scope import is_address
from crashy.patient import ADMIN_PORT, APP_PORT
from crashy.patient.fleet import Member
from crashy.server.listeners import url
from crashy.server.names import resolve
from crashy.server.patient import Patient

WITHIN = 2.0
"""Seconds that a peer may take for an answer."""

_MOST_BYTES = 1024 * 1024
_MOST_TEXT = 253  # characters of a pod's name
_FOREIGN = "that is not a patient's admin API"

Place = tuple[str, int]


class Failed(Exception):  # noqa: N818 - what a peer has, not a mistake of ours
    """A peer did not do what it was asked; the text says why."""


class Peers:
    """The admin APIs of the pods that PEERS leads to; they get the `authorization` of the call that asks them."""

    def __init__(self, patient: Patient, session: ClientSession, authorization: str) -> None:
        self._patient = patient
        self._session = session
        self._headers = {"Authorization": authorization} if authorization else {}

    async def look_up(self, peer: str) -> list[Place]:
        """Return where the admin API of a name's pods is; raises Failed.

        Their admin port is this pod's own; where it has none, or where PEERS has several ports of one host, it is the
        port in PEERS.
        """
        settings = self._patient.settings
        host, _, port = peer.partition(":")
        if settings.admin_port is None or len({one for one in settings.peers if one.partition(":")[0] == host}) > 1:
            number = int(port or APP_PORT)
        elif settings.names_file and not is_address(host):  # a table has the ports as manifests have them
            number = ADMIN_PORT
        else:
            number = settings.admin_port or ADMIN_PORT
        try:
            return await asyncio.to_thread(resolve, self._patient, host, number)
        except (OSError, UnicodeError) as error:
            raise Failed("no such name" if isinstance(error, socket.gaierror) else str(error)) from None

    async def ask(
        self,
        place: Place,
        method: str,
        path: str | None,
        body: Any = None,
        *,
        token: bool = True,
        busy: int | None = None,
    ) -> Any:
        """Ask a peer's /admin/fleet below `path`, or /admin/faults; return its JSON, None for the status `busy`.

        The token goes to this place alone: redirects are not followed. Raises Failed.
        """
        at = f"{url(*place)}/admin/" + ("faults" if path is None else f"fleet{path}")
        headers = self._headers if token else {}
        try:
            async with self._session.request(method, at, json=body, headers=headers, allow_redirects=False) as response:
                data = bytearray()
                async for chunk in response.content.iter_any():
                    data += chunk
                    if len(data) > _MOST_BYTES:
                        raise Failed(f"its answer is longer than {_MOST_BYTES} bytes")
                answer = json.loads(data or b"{}")
        except TimeoutError:
            raise Failed(f"no answer within {WITHIN:g} s") from None
        except (ClientError, OSError) as error:
            raise Failed(f"no connection: {getattr(error, 'strerror', None) or error}") from None
        except (ValueError, RecursionError):
            answer = None
        if response.status == busy:
            return None
        if not isinstance(answer, dict) or response.status >= 300:
            detail = answer.get("detail", "") if isinstance(answer, dict) else _FOREIGN
            raise Failed(f"it answered {response.status}: {detail}")
        return answer


def read_member(answer: dict[str, Any]) -> Member:
    """Read how a pod describes itself; raises Failed."""
    ready = answer.get("ready")
    if not isinstance(ready, bool):
        raise Failed(_FOREIGN)
    return Member(_text(answer.get("pod")), _text(answer.get("namespace")), ready)


def read_id(answer: dict[str, Any]) -> str:
    """Read the id of the fault that a pod has got; raises Failed."""
    return _text(answer.get("id"))


def read_recovered(answer: dict[str, Any]) -> int:
    """Read how many faults of a pod have recovered; raises Failed."""
    recovered = answer.get("recovered")
    if not isinstance(recovered, list):
        raise Failed(_FOREIGN)
    return len(recovered)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable() or len(value) > _MOST_TEXT:
        raise Failed(_FOREIGN)
    return value
