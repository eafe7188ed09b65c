"""What a patient says where nothing takes time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from crashy.faults.active import Health, RequestEffect
from crashy.faults.scope import Request
from crashy.grpc import CHECK
from crashy.patient.life import Phase, health_in
from crashy.patient.probes import PROBES, STATUS, told_by


@dataclass(frozen=True, slots=True)
class Answer:
    """Answers with an HTTP status after `latency` seconds; a command exits 0 and gRPC serves if it is below 400."""

    status: int = 200
    body: str = "ok"
    latency: float = 0.0


PAGES = frozenset({"/", "/hostname", "/info"})
"""The routes, probes' apart, that answer 200 at once."""

GONE = Health(startup=False, readiness=False, liveness=False)

_PROBES = {route.path: route for route in PROBES}


def told(effect: RequestEffect, request: Request, pod: str, phase: Phase | None) -> tuple[int, str] | None:
    """Return the status and text that a fault, or else the route of a probe, gives; None for all other routes."""
    if effect.answer is not None and effect.by is not None:
        status, body = effect.answer.status, effect.answer.body
        if body is None and (route := told_by(effect.by.fault, request.path)):
            return route.answer(pod, yes=False)
        return status, str(status) if body is None else body
    if phase and (route := _PROBES.get(request.path)):
        return route.answer(pod, yes=getattr(health_in(phase), route.probe))
    if phase and request.path == CHECK and request.is_probe:
        return (200 if getattr(health_in(phase), request.is_probe) else STATUS[request.is_probe]), ""
    return None


def run(command: tuple[str, ...], state_dir: str, files: Mapping[str, bool]) -> Answer:
    """Run a command in the container: a look for a state file finds what is there, all else is taken to succeed."""
    path = PurePosixPath(command[-1]) if command else PurePosixPath()
    if path.name not in files or command[0] not in {"cat", "ls", "stat", "test"}:
        return Answer(body="")
    if str(path.parent) == state_dir and files[path.name]:
        return Answer(body="")
    return Answer(500, f"{command[0]}: {path}: No such file or directory")
