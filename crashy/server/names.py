"""Where names lead: by the file of names that a lab writes, else by this machine's resolver."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path

from crashy.faults.effects import NO_SUCH_NAME
from crashy.faults.scope import Look, is_address
from crashy.server.patient import Patient

Places = list[tuple[str, int]]


def resolve(patient: Patient, host: str, port: int) -> Places:
    """Return the places of a name's port, all of them as good; raises socket.gaierror, also where a fault has it."""
    if is_address(host):
        return [(host, port)]
    if failure := patient.faults.on_look(Look(host, port, lookup=True)).failure:
        raise socket.gaierror(socket.EAI_NONAME if failure == NO_SUCH_NAME else socket.EAI_AGAIN, failure)
    if found := look_up(host, port, _lines(patient.settings.names_file)):
        return found
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    chosen = [one for one in answers if one[0] == socket.AF_INET] or answers
    return [(str(place[0]), port) for _, _, _, _, place in chosen]


def look_up(host: str, port: int, lines: Iterable[str]) -> Places:
    """Return the places of a name's port, from lines `NAME PORT ADDRESS PORT`; others are skipped."""
    words = [line.split() for line in lines]
    found = [one[2:] for one in words if one[:2] == [host.rstrip("."), str(port)]]
    return [(one[0], int(one[1])) for one in found if len(one) == 2 and one[1].isdecimal()]


def _lines(file: str) -> list[str]:
    path = Path(file)
    return path.read_text().splitlines() if file and path.exists() else []
