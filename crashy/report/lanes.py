"""A timeline as lanes: for each pod its states, probes, faults and events as spans and marks in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from crashy.report.results import RunSummary
from crashy.timeline import Event, kinds


@dataclass(frozen=True, slots=True)
class Span:
    """A kind of state from `start` to `end`, with a text to show on hover."""

    start: float
    end: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at `t`, with a text to show on hover."""

    t: float
    kind: str
    text: str


@dataclass(slots=True)
class Lane:
    """One pod: `states` are of kind ready, running, waiting, terminated or terminating."""

    pod: str
    states: list[Span] = field(default_factory=list)
    faults: list[Span] = field(default_factory=list)
    probes: list[Mark] = field(default_factory=list)
    events: list[Mark] = field(default_factory=list)


def lanes(events: Sequence[Event], summary: RunSummary) -> list[Lane]:
    """Return a lane for each pod, in the order in which they appear."""
    found: dict[str, Lane] = {}
    since: dict[str, tuple[float, str, str]] = {}

    def lane(event: Event) -> Lane:
        pod = event.object.removeprefix("pod/")
        return found.setdefault(pod, Lane(pod))

    for event in events:
        if not event.object.startswith("pod/"):
            continue
        if status := kinds.POD.of(event):
            own = lane(event)
            begun = since.pop(own.pod, None)
            if begun and event.t > begun[0]:
                own.states.append(Span(begun[0], event.t, begun[1], begun[2]))
            if event.reason != "Deleted":
                since[own.pod] = (event.t, *_state(status))
        elif probe := kinds.PROBE.of(event):
            outcome = probe["outcome"]
            kind = "ok" if outcome in ("success", "warning") else "failure"
            lane(event).probes.append(Mark(event.t, kind, f"{event.reason} probe: {event.message or outcome}"))
        elif event.kind == kinds.EVENT:
            kind = str(event.data.get("type", "Normal")).lower()
            lane(event).events.append(Mark(event.t, kind, f"{event.reason}: {event.message}"))
    for pod, (start, kind, text) in since.items():
        found[pod].states.append(Span(start, summary.end, kind, text))
    for fault in summary.faults:
        if fault.pod in found:
            end = summary.end if fault.recovered is None else fault.at + fault.recovered
            found[fault.pod].faults.append(Span(fault.at, end, "fault", fault.fault))
    return list(found.values())


def _state(data: kinds.PodStatus) -> tuple[str, str]:
    """Return the kind of a pod's state, and a text."""
    restarts = f", restarts: {data['restarts']}" if data["restarts"] else ""
    if data["deleting"]:
        return "terminating", f"Terminating{restarts}"
    if data["ready"]:
        return "ready", f"Running and ready{restarts}"
    states = {container["state"] for container in data["containers"]}
    reasons = [container["reason"] for container in data["containers"] if container["reason"]]
    kind = next((state for state in ("waiting", "terminated") if state in states), "running")
    return kind, f"{', '.join(reasons) or 'Running, not ready'}{restarts}"
