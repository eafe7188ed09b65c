"""The timeline's event of a request and its response."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from crashy.faults.scope import Client
from crashy.patient.probes import probe_of
from crashy.timeline import Event, kinds

GAVE_UP = 499
"""The status of a request whose client disconnected before the response."""

NO_ANSWER = 444
"""The status of a request whose connection was closed without a response, as nginx has it."""

BEGUN = web.RequestKey("begun", bool)
"""Set in a request whose response's head was sent before its body."""

_REASONS = {GAVE_UP: "GaveUp", NO_ANSWER: "Unanswered"}

UNMATCHED = "unmatched"
"""The name of the catch-all route."""


Watcher = Callable[[str, str, Client, int, float, str | None, str | None], None]
"""Called with each request: its method, path, client, status, seconds, remote address and service, see `answered`."""


def summary(method: str, path: str, status: int, seconds: float, remote: str | None) -> tuple[str, str]:
    """Return the reason and the message of the event of a request, as a log has them too."""
    return _REASONS.get(status, "Answered"), f"{method} {path} {status} {_ms(seconds):g}ms {remote}"


def _ms(seconds: float) -> float:
    return int(seconds * 1e6 + 0.5) / 1000  # `round` would cost four times as much


def answered(  # noqa: PLR0917 - called by the timeline alone, which keeps what it is called with
    pod: str,
    t: float,
    method: str,
    path: str,
    client: Client,
    status: int,
    seconds: float,
    remote: str | None,
    service: str | None = None,
) -> Event:
    """Return the event of a request, answered or given up after `seconds`; `service` is that of a gRPC check."""
    data: kinds.Served = {
        "method": method,
        "path": path,
        "status": status,
        "ms": _ms(seconds),
        "remote": remote,
        "client": client,
        "probe": probe_of(path, service),
    }
    if service is not None:
        data["service"] = service
    return Event(t, pod, kinds.SERVED, f"pod/{pod}", *summary(method, path, status, seconds, remote), data)
