"""The timeline's event of a request and its response."""

from __future__ import annotations

from crashy.faults.scope import Client
from crashy.patient.probes import probe_of
from crashy.timeline import Event, kinds

GAVE_UP = 499
"""The status of a request whose client disconnected before the response."""

NO_ANSWER = 444
"""The status of a request whose connection was closed without a response, as nginx has it."""

_REASONS = {GAVE_UP: "GaveUp", NO_ANSWER: "Unanswered"}

UNMATCHED = "unmatched"
"""The name of the catch-all route."""


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
    milliseconds = int(seconds * 1e6 + 0.5) / 1000  # `round` would cost four times as much
    data: kinds.Served = {
        "method": method,
        "path": path,
        "status": status,
        "ms": milliseconds,
        "remote": remote,
        "client": client,
        "probe": probe_of(path, service),
    }
    if service is not None:
        data["service"] = service
    message = f"{method} {path} {status} {milliseconds:g}ms {remote}"
    return Event(t, pod, kinds.SERVED, f"pod/{pod}", _REASONS.get(status, "Answered"), message, data)
