"""The summary of a run: faults, what the platform did, and users' requests; a pure function of a timeline's events."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from crashy.timeline import Event, kinds
from crashy.traffic.outages import Outage, availability, outages
from crashy.traffic.samples import Sample, Samples

KINDS: frozenset[str] = frozenset(
    {kinds.FAULT, kinds.EVENT, kinds.POD, kinds.ENDPOINTS, kinds.REQUEST, kinds.EXPERIMENT, kinds.STEP}
)
"""The kinds of events that a summary is made of."""

# The kubelet's first events when it has detected something, in any order.
_NOTICES = frozenset({"Unhealthy", "Killing", "BackOff", "Failed"})
_BACK_OFF = re.compile(r"\bback-off (?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)? restarting\b")


@dataclass(frozen=True, slots=True)
class FaultResult:
    """One fault and its consequences; times in seconds after the injection, None if it never happened.

    `detected` is the first thing that the platform did about it, `left` when the pod was out of its Services'
    endpoints, `drained` when the last request was sent that reached the faulty pod (or was never answered),
    `recovered` when the pod was ready again.
    """

    pod: str
    fault: str
    at: float
    detected: float | None
    detected_by: str
    left: float | None
    drained: float | None
    recovered: float | None
    restarts: int
    requests: int
    errors: int


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The summary of a timeline; times in seconds since its start.

    `ready` is how each pod ended, those that were or are being deleted left out; `answering`: the last request
    was answered.

    `back_off` is the longest back-off that a container reached, 0 for none. `after_leaving` counts the requests, sent
    on new connections after a pod had left its Service's endpoints and before it was back, that it still received.
    """

    faults: tuple[FaultResult, ...]
    requests: int
    errors: int
    availability: float
    outages: tuple[Outage, ...]
    last_error: float | None
    restarts: dict[str, int]
    ready: dict[str, bool]
    ever_ready: frozenset[str]
    answering: bool
    back_off: int
    after_leaving: int
    end: float


def summarize(events: Sequence[Event], successes: int = 1) -> RunSummary:
    """Summarize a timeline; an outage ends with the first of `successes` good answers in a row."""
    samples = requests(events)
    failed = sorted(sample.due for sample in samples if not sample.ok)
    pods = list(kinds.POD.read(events))
    done = _without_refused(events)
    services = _services(events)
    return RunSummary(
        faults=tuple(
            _fault(event, done[i + 1 :], [e for e in done[:i] if e.object == event.object], services)
            for i, event in enumerate(done)
            if event.kind == kinds.FAULT and event.reason == "Injected"
        ),
        requests=len(samples),
        errors=len(failed),
        availability=availability(list(samples)),
        outages=tuple(outages(samples, successes)),
        last_error=max(failed, default=None),
        restarts={_pod(event): data["restarts"] for event, data in pods},
        ready=_ready_at_the_end(pods),
        ever_ready=frozenset(_pod(event) for event, data in pods if data["ready"]),
        answering=not failed or failed[-1] < _last(samples),
        back_off=max((_back_off(data) for _, data in pods), default=0),
        after_leaving=_after_leaving(events),
        end=events[-1].t if events else 0.0,
    )


def _without_refused(events: Iterable[Event]) -> list[Event]:
    """Leave out the faults that were tried and, as NotInjected says (`SPEC: WHY`), not injected."""
    left: list[Event] = []
    for event in events:
        if event.kind == kinds.FAULT and event.reason == "NotInjected":
            tried = (i for i in reversed(range(len(left))) if _is_tried(left[i], event))
            if (last := next(tried, None)) is not None:
                del left[last]
        left.append(event)
    return left


def _is_tried(event: Event, refused: Event) -> bool:
    is_fault = event.kind == kinds.FAULT and event.reason == "Injected"
    return is_fault and event.object == refused.object and refused.message.startswith(f"{event.message}: ")


def _ready_at_the_end(pods: Sequence[tuple[Event, kinds.PodStatus]]) -> dict[str, bool]:
    ready: dict[str, bool] = {}
    for event, data in pods:
        if event.reason == "Deleted" or data["deleting"]:
            ready.pop(_pod(event), None)
        else:
            ready[_pod(event)] = data["ready"]
    return ready


def _last(samples: Samples) -> float:
    return max(sample.due for sample in samples)


def requests(events: Iterable[Event]) -> Samples:
    """Return the users' requests, timed from the timeline's start."""
    samples = Samples()
    for _, data in kinds.REQUEST.read(events):
        samples.append(Sample(data["sent"], data["latency"], 0.0, data["status"], data["pod"], data["failure"]))
    return samples


def _pod(event: Event) -> str:
    return event.object.removeprefix("pod/")


def _services(events: Iterable[Event]) -> set[tuple[str, str]]:
    """Return each Service with each pod that was ready in it."""
    named = (
        (event.object, [*data.get("ready", ()), *data.get("joined", ())])
        for event, data in kinds.ENDPOINTS.read(events)
    )
    return {(service, pod) for service, pods in named for pod in pods}


def _fault(
    fault: Event, after: Sequence[Event], before: Sequence[Event], services: Collection[tuple[str, str]]
) -> FaultResult:
    pod = _pod(fault)
    own = [event for event in after if event.object == fault.object]
    again = next((event.t for event in own if event.kind == kinds.FAULT and event.reason == "Injected"), None)
    if again is not None:  # what follows a second fault is that one's
        after = [event for event in after if event.t < again]
        own = [event for event in own if event.t < again]
    notice = next((e for e, _ in kinds.EVENT.read(own) if e.reason in _NOTICES), None)
    down = next((e for e, status in kinds.POD.read(own) if not status["ready"]), None)
    detected = min((e for e in (notice, down) if e), key=lambda e: e.t, default=None)
    restarts = next((status["restarts"] for _, status in kinds.POD.read(reversed(before))), 0)
    recovered = _ready_again(own, restarts)
    end = _next(fault, own, after) if recovered is None else recovered
    felt = [data for _, data in kinds.REQUEST.read(after) if fault.t <= data["sent"] <= end]
    last = next((status["restarts"] for _, status in kinds.POD.read(reversed(own))), restarts)

    def since(t: float | None) -> float | None:
        return None if t is None else t - fault.t

    return FaultResult(
        pod=pod,
        fault=fault.message,
        at=fault.t,
        detected=since(detected.t if detected else None),
        detected_by=_sign(detected) if detected else "",
        left=since(
            next(
                (e.t for e, data in kinds.ENDPOINTS.read(after) if (e.object, pod) in services and _is_out(pod, data)),
                None,
            )
        ),
        drained=since(
            max((d["sent"] for d in felt if d["pod"] == pod or (not d["pod"] and not d["ok"])), default=None)
        ),
        recovered=since(recovered),
        restarts=last - restarts,
        requests=len(felt),
        errors=sum(not data["ok"] for data in felt),
    )


def _next(fault: Event, own: Sequence[Event], after: Sequence[Event]) -> float:
    """Find when, after a fault that no pod had to recover from has ended, the next one came: on this pod or another."""
    ended = next((e for e in own if e.kind == kinds.FAULT and (e.reason, e.message) == ("Ended", fault.message)), None)
    injected = (e.t for e in after if e.kind == kinds.FAULT and e.reason == "Injected")
    return next((t for t in injected if ended and t >= ended.t), float("inf"))


def _is_out(pod: str, data: kinds.Endpoints) -> bool:
    """Return whether a pod is out of a Service's endpoints by this event; one of changes names it only as it leaves."""
    return pod in data["left"] if "left" in data else pod not in data["ready"]


def _sign(event: Event) -> str:
    return "NotReady" if event.kind == kinds.POD else f"{event.reason}: {event.message}"


def _ready_again(own: Sequence[Event], restarts: int) -> float | None:
    """Find when the pod was ready again after it had been unready or had restarted."""
    disturbed = False
    for event, status in kinds.POD.read(own):
        disturbed = disturbed or not status["ready"] or status["restarts"] > restarts
        if disturbed and status["ready"]:
            return event.t
    return None


def _back_off(status: kinds.PodStatus) -> int:
    """Return the longest back-off, in seconds, of a pod's containers."""
    longest = 0
    for container in status["containers"]:
        found = _BACK_OFF.search(container["message"])
        if found:
            hours, minutes, seconds = (int(part or 0) for part in found.groups())
            longest = max(longest, 3600 * hours + 60 * minutes + seconds)
    return longest


def _after_leaving(events: Sequence[Event]) -> int:
    """Count the requests that a pod answered although it was out of its Service's endpoints when they were sent."""
    out: dict[tuple[str, str], list[tuple[float, float]]] = {}  # by service and pod: when it was out
    inside: dict[str, frozenset[str]] = {}
    for event, data in kinds.ENDPOINTS.read(events):
        before = inside.get(event.object, frozenset())
        ready = kinds.ready_after(data, before)
        for pod in before - ready:
            out.setdefault((event.object, pod), []).append((event.t, float("inf")))
        for pod in ready:
            spans = out.get((event.object, pod), [])
            if spans and spans[-1][1] == float("inf"):
                spans[-1] = (spans[-1][0], event.t)
        inside[event.object] = ready
    return sum(
        any(left < data["sent"] < back for left, back in out.get((event.object, data["pod"]), ()))
        for event, data in kinds.REQUEST.read(events)
        if data["pod"]
    )
