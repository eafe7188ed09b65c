"""The routes of the personas that have some of their own, one file each: what they answer, and what they change. Pure.

Whatever an app's route changes is a fault: status shows it and `recover` ends it. The server and the sim answer by the
same routes. How an app's probes are answered is in `crashy/patient/probes.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import NamedTuple

from crashy.faults.base import Fault
from crashy.faults.injected import InjectedFault
from crashy.patient.answers import Answer
from crashy.patient.identity import Identity
from crashy.patient.personas import WITH_ROUTES

_NONE: Mapping[str, str] = MappingProxyType({})

EVERYTHING = "/{rest:(?s:.*)}"
"""The path of a route that answers every path, and so in the place of all others."""


class KubeletProbe(NamedTuple):
    """A probe that the kubelet has sent: its number, the status, and how many seconds ago that was."""

    number: int
    status: int
    ago: float


class PersonaRequest(NamedTuple):
    """A request, and what its answer may depend on; `match` holds the parts of the path that the route names.

    `answered` is the number of requests that the app has answered before; `uptime` is in seconds, `now` since 1970.
    """

    who: Identity
    path: str = "/"
    method: str = "GET"
    match: Mapping[str, str] = _NONE
    query: Mapping[str, str] = _NONE
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    remote: str = ""
    environ: Mapping[str, str] = _NONE
    uptime: float = 0.0
    now: float = 0.0
    answered: int = 0
    faults: Callable[[], Sequence[InjectedFault]] = tuple
    seen: Callable[[str], Sequence[KubeletProbe]] = lambda _: ()


class PersonaReply(NamedTuple):
    """An answer, and what comes with it: faults to recover, by their names, and then to inject."""

    answer: Answer
    headers: tuple[tuple[str, str], ...] = ()
    recover: tuple[str, ...] = ()
    inject: tuple[Fault, ...] = ()


class PersonaRoute(NamedTuple):
    """A route of an app; `path` is written as aiohttp's. One that `changes` something needs ADMIN_TOKEN.

    A `control` route is no part of what fails: no fault acts on it, and it counts as no request.
    """

    methods: tuple[str, ...]
    path: str
    reply: Callable[[PersonaRequest], PersonaReply]
    changes: bool = False
    control: bool = False


def routes(persona: str) -> tuple[PersonaRoute, ...]:
    """Return a persona's own routes, none for most."""
    if persona not in WITH_ROUTES:
        return ()
    found: dict[str, tuple[PersonaRoute, ...]] = import_module(f"crashy.patient.personas.{WITH_ROUTES[persona]}").ROUTES
    return found[persona]


def find(persona: str, method: str, path: str) -> tuple[PersonaRoute, Mapping[str, str]] | None:
    """Return the persona's own route for a path, and the named parts of the path; None if it has none."""
    for pattern, route in _patterns(persona):
        if method in route.methods and (match := pattern.fullmatch(path)):
            return route, match.groupdict()
    return None


@cache
def _patterns(persona: str) -> tuple[tuple[re.Pattern[str], PersonaRoute], ...]:
    named = r"\{(\w+):((?:[^{}])+)\}"
    return tuple((re.compile(re.sub(named, r"(?P<\1>\2)", one.path)), one) for one in routes(persona))
