"""What the timeline tells of a request and its answer."""

from __future__ import annotations

from crashy.faults.scope import Client
from crashy.patient.probes import probe_of
from crashy.timeline import Event, kinds

GAVE_UP = 499
"""Told as the status of a request whose client went away before the answer."""

UNMATCHED = "unmatched"
"""The name of the route that takes what no other does."""


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
    """Record a request that was answered or given up after so many seconds; `service` is a gRPC health check's."""
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
    return Event(t, pod, kinds.SERVED, f"pod/{pod}", "GaveUp" if status == GAVE_UP else "Answered", message, data)
