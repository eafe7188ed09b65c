"""The response of each path in each state, for the server, its gRPC port and the sim.

They handle themselves what takes time or acts on the process: /N, /crash, /freeze and the admin API.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import NamedTuple

from crashy.faults import effects
from crashy.faults.health import Health
from crashy.faults.injected import InjectedFault
from crashy.faults.scope import ProbeName
from crashy.patient.identity import Identity
from crashy.patient.personas import GREETINGS, UNWELL
from crashy.patient.probes import OF_PERSONAS, PROBES, STATUS


class Answer(NamedTuple):
    """A response with an HTTP status after `latency` seconds; below 400 a command exits 0 and gRPC is SERVING.

    From 400 on a command exits with `exit_code`. `location` is where it redirects to, `pod` the pod that it says it is
    of, if that is another.
    """

    status: int = 200
    body: str = "ok"
    latency: float = 0.0
    content_type: str = "text/plain"
    exit_code: int = 1
    location: str = ""
    pod: str = ""


PAGES: dict[str, Callable[[str, Identity], str]] = {
    "/": lambda persona, who: GREETINGS[persona].format(pod=who.pod),
    "/hostname": lambda _persona, who: who.pod,
    "/info": lambda _persona, who: f"Hello, Application Version: {who.version} ; Color: {who.color}",
}
"""The routes other than probes that answer 200 at once, each with its text by persona and identity."""

FAILED = "500 Internal Server Error"
"""The body where the app's code has raised an exception."""

CRASHED = "500 Internal Server Error"
"""The body of every path after a crash that the process survived: the exact text of the crashy-app lab's /health."""

CRASHED_APP = "Hi, my name is {pod} and I'm a crashy app...\nI crashed {ago:.2f} seconds ago, sorry about that :(\n"
"""The body of the crashy-app's / then."""

GONE = Health(startup=False, readiness=False, liveness=False)
"""The health of a process that doesn't run."""

_PROBES = {route.path: route for route in PROBES}
_OWN = {(persona, route.path): route for persona, routes in OF_PERSONAS.items() for route in routes}
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


def probe_answer(
    path: str,
    probe: ProbeName,
    pod: str,
    *,
    yes: bool,
    persona: str = "",
    by: InjectedFault | None = None,
    now: float = 0.0,
) -> Answer:
    """Return the response of a probe's path, or of a gRPC health check, which has no body.

    A probe that fails does so `by` a fault, or because the patient stops.
    """
    status = 200 if yes else STATUS[probe]
    route = _OWN.get((persona, path)) or _PROBES.get(path)
    if route is None:
        return Answer(status, "")
    if yes:
        return Answer(200, route.yes.format(pod=pod), content_type=route.content_type)
    if by is None and route.stopping:
        return Answer(*route.stopping)
    left = seconds = ""
    if by is not None:
        scope = by.fault.scope
        left = "permanent" if scope.times is None else f"{scope.times - by.hits} left"
        seconds = f"{now - by.starts_at + scope.after:.9f}".rstrip("0")
    body = route.no.format(pod=pod, left=left or "permanent", seconds=seconds)
    return Answer(route.status or status, body, content_type=route.content_type)


def fault_answer(
    by: InjectedFault, given: effects.InjectedResponse, path: str, persona: str, who: Identity, *, now: float
) -> Answer:
    """Return a path's response by a fault: the fault's own text, else the persona's, else the status and its name."""
    if given.body is not None:
        return Answer(given.status, given.body)
    if by.fault.name == "crash":
        app = path == "/" and persona == "crashy-app"
        if app:
            return Answer(given.status, CRASHED_APP.format(pod=who.pod, ago=now - by.starts_at))
        return Answer(given.status, UNWELL.get(persona, CRASHED))
    if by.fault.target in STATUS and (route := _PROBES.get(path)):
        return probe_answer(path, route.probe, who.pod, yes=False, persona=persona, by=by, now=now)
    location = dict(given.headers).get("Location", "")
    return Answer(given.status, f"{given.status} {_PHRASES.get(given.status, '')}".rstrip(), location=location)


def run(command: tuple[str, ...], state_dir: str, files: Mapping[str, bool]) -> Answer:
    """Return the result of a command in the container: a check for a state file depends on it, others succeed."""
    path = PurePosixPath(command[-1]) if command else PurePosixPath()
    if path.name not in files or command[0] not in {"cat", "ls", "stat", "test"}:
        return Answer(body="")
    if str(path.parent) == state_dir and files[path.name]:
        return Answer(body="")
    return Answer(500, f"{command[0]}: {path}: No such file or directory")
