"""Compares two runs of an experiment, on any engines: a pure function of two timelines.

`comparable` takes from a timeline what can be compared; `compare` returns a row for each thing that two runs have, with
both values, how far apart they are, and whether that is a difference. The caller sets the tolerance (`seconds`) and
leaves out the rows that depend on chance there (by their `what`, one of `MEASURES`).

What is compared in order, and what is not:

- The reasons of Kubernetes' events, by *lane*, consecutive repeats folded into the first of them. Lanes run beside each
  other in the platform too, so the order between them is not compared. They are: each workload, each Deployment's
  ReplicaSet, each CronJob's Job, each pod (`Scheduled`), each container (what is done with it, its startup and
  liveness probes), each pod's status (when it became `Ready` or `NotReady`, and when it was `Deleted`), and each pod's
  readiness probes (`Unhealthy`, which begins anew whenever the pod has become ready).
- The times of corresponding events, in seconds since the experiment began. An event that is late only because the one
  before it in its lane was late is not late again: the smaller of both differences counts.
- Events that came when the other run was over (less than `late` seconds before its end) are left out.

Pods' names are random, so a pod is named by its *role*: its workload, its ReplicaSet's or its Job's number, and its own
number among that one's pods: first those that a step targeted, in that order, then the others as they were created.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from crashy.report.results import RunSummary, summarize
from crashy.timeline import Event, kinds

MEASURES = ("reasons", "times", "restarts", "detect", "drain", "recover", "outage", "availability")
"""What is compared; see `compare`."""

_SCALED = re.compile(r"Scaled (?:up|down) replica set (\S+)")
_CREATED = re.compile(r"Created pod: (\S+)")
_CREATED_JOB = re.compile(r"Created job (\S+)")


@dataclass(frozen=True, slots=True)
class Moment:
    """A reason on a lane, and when it first came, in seconds since the experiment began."""

    reason: str
    t: float


@dataclass(frozen=True, slots=True)
class ComparableRun:
    """What of a run can be compared: the moments of each lane, restarts by the pod's role, and the summary."""

    lanes: Mapping[str, tuple[Moment, ...]]
    restarts: Mapping[str, int]
    summary: RunSummary
    end: float


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison: a measure of an object (empty: of the whole run), as text on both sides.

    `apart` is the difference of two numbers, in their unit; None where a side has none, or where it isn't a number.
    """

    what: str
    object: str
    left: str
    right: str
    differs: bool
    apart: float | None = None


def comparable(events: Sequence[Event]) -> ComparableRun:
    """Return what can be compared of a timeline, from its experiment's begin to its end."""
    begun = next((event.t for event, _ in kinds.EXPERIMENT.read(events)), 0.0)
    ended = next(
        (i for i, event in enumerate(events) if (event.kind, event.reason) == (kinds.EXPERIMENT, "Ended")), None
    )
    events = events[: None if ended is None else ended + 1]
    roles = _roles(events)
    summary = summarize(events)
    return ComparableRun(
        _gather(events, roles, begun),
        {roles.get(f"pod/{pod}", f"pod/{pod}"): count for pod, count in summary.restarts.items()},
        summary,
        (events[-1].t if events else 0.0) - begun,
    )


def _roles(events: Sequence[Event]) -> dict[str, str]:
    """Return the role of every pod, ReplicaSet and CronJob's Job by its object's name; bare pods go by their own."""
    sets: dict[str, str] = {}
    numbers: dict[str, int] = {}
    owners: dict[str, str] = {}
    targeted: list[str] = []
    for event in events:
        if event.kind in {kinds.FAULT, kinds.STEP} and event.object.startswith("pod/") and event.object not in targeted:
            targeted.append(event.object)
        if event.kind != kinds.EVENT:
            continue
        for kind, pattern in (("replicaset", _SCALED), ("job", _CREATED_JOB)):
            if (found := pattern.match(event.message)) and f"{kind}/{found[1]}" not in sets:
                numbers[event.object] = numbers.get(event.object, 0) + 1
                sets[f"{kind}/{found[1]}"] = f"{event.object.partition('/')[2]}.{numbers[event.object]}"
        if found := _CREATED.match(event.message):
            owners[f"pod/{found[1]}"] = event.object
    roles = {name: f"{name.partition('/')[0]}/{role}" for name, role in sets.items()}
    counts: dict[str, int] = {}
    for pod in [*(pod for pod in targeted if pod in owners), *(pod for pod in owners if pod not in targeted)]:
        role = sets.get(owners[pod], owners[pod].partition("/")[2])
        counts[role] = counts.get(role, 0) + 1
        roles[pod] = f"pod/{role}.{counts[role]}"
    return roles


def _gather(events: Sequence[Event], roles: Mapping[str, str], begun: float) -> dict[str, tuple[Moment, ...]]:
    """Return the lanes, their times counted from `begun`."""
    lanes: dict[str, list[Moment]] = {}
    ready: dict[str, bool] = {}
    anew: set[str] = set()
    for event in events:
        name = roles.get(event.object, event.object)
        probes = f"{name} readiness"
        if event.kind == kinds.EVENT:
            is_readiness = event.reason == "Unhealthy" and event.message.startswith("Readiness")
            changes = [(probes if is_readiness else f"{name} {event.data.get('container', '')}".strip(), event.reason)]
        elif status := kinds.POD.of(event):
            changes = [
                (f"{name} status", reason) for reason in _changes(event, status["ready"], ready.get(name, False))
            ]
            ready[name] = status["ready"]
            if (f"{name} status", "Ready") in changes:
                anew.add(probes)
        else:
            continue
        for lane, reason in changes:
            moments = lanes.setdefault(lane, [])
            if not moments or moments[-1].reason != reason or lane in anew:
                moments.append(Moment(reason, event.t - begun))
            anew.discard(lane)
    return {lane: tuple(moments) for lane, moments in lanes.items()}


def _changes(event: Event, ready: bool, before: bool) -> Iterator[str]:
    """Yield the reasons for which a pod's status is on its lane; `before` is whether the pod was ready."""
    if ready != before:
        yield "Ready" if ready else "NotReady"
    if event.reason == "Deleted":
        yield event.reason


def compare(
    left: ComparableRun, right: ComparableRun, *, seconds: float = 0.25, share: float = 0.01, late: float | None = None
) -> list[Row]:
    """Set two runs against each other; times may be `seconds` apart, availabilities `share` (0..1).

    What only one run has in its last `late` seconds (by default `seconds`) is left out.
    """
    return [
        *_reasons(left, right, seconds, seconds if late is None else late),
        *_restarts(left, right),
        *_sums(left, right, seconds, share),
    ]


def _reasons(left: ComparableRun, right: ComparableRun, seconds: float, late: float) -> Iterator[Row]:
    horizon = min(left.end, right.end) - late
    for lane in dict.fromkeys((*left.lanes, *right.lanes)):
        mine, others = left.lanes.get(lane, ()), right.lanes.get(lane, ())
        while len(mine) > len(others) and mine[-1].t > horizon:
            mine = mine[:-1]
        while len(others) > len(mine) and others[-1].t > horizon:
            others = others[:-1]
        same = [moment.reason for moment in mine] == [moment.reason for moment in others]
        yield Row("reasons", lane, _order(mine), _order(others), not same)
        if same and mine:
            yield _times(lane, mine, others, seconds)


def _order(moments: Sequence[Moment]) -> str:
    return ", ".join(moment.reason for moment in moments) or "nothing"


def _times(lane: str, mine: Sequence[Moment], others: Sequence[Moment], seconds: float) -> Row:
    """Return the pair of corresponding moments that is furthest apart."""
    apart = [there.t - here.t for here, there in zip(mine, others, strict=True)]
    own = [min(whole, step, key=abs) for whole, step in zip(apart, _steps(apart), strict=True)]
    worst = max(range(len(own)), key=lambda i: abs(own[i]))
    here, there = mine[worst], others[worst]
    text = f"{here.reason} {here.t:.2f}s", f"{there.reason} {there.t:.2f}s"
    return Row("times", lane, *text, abs(own[worst]) > seconds, own[worst])


def _steps(apart: Sequence[float]) -> list[float]:
    """Return how much each difference adds to the one before it."""
    return [now - before for before, now in zip((0.0, *apart), apart, strict=False)]


def _restarts(left: ComparableRun, right: ComparableRun) -> Iterator[Row]:
    for pod in dict.fromkeys((*left.restarts, *right.restarts)):
        mine, others = left.restarts.get(pod), right.restarts.get(pod)
        apart = None if mine is None or others is None else float(others - mine)
        yield Row("restarts", pod, _count(mine), _count(others), mine != others, apart)


def _count(number: int | None) -> str:
    return "no such pod" if number is None else str(number)


def _sums(left: ComparableRun, right: ComparableRun, seconds: float, share: float) -> Iterator[Row]:
    mine, others = left.summary, right.summary
    for number, (here, there) in enumerate(zip_longest(mine.faults, others.faults), 1):
        for what, name in (("detect", "detected"), ("drain", "drained"), ("recover", "recovered")):
            yield _seconds(what, f"fault {number}", getattr(here, name, None), getattr(there, name, None), seconds)
    if mine.requests and others.requests:
        yield _seconds("outage", "", _longest(mine), _longest(others), seconds)
        apart = others.availability - mine.availability
        texts = f"{mine.availability:.4f}", f"{others.availability:.4f}"
        yield Row("availability", "", *texts, abs(apart) > share, apart)


def _longest(summary: RunSummary) -> float:
    return max((outage.seconds for outage in summary.outages), default=0.0)


def _seconds(what: str, name: str, mine: float | None, others: float | None, tolerance: float) -> Row:
    apart = None if mine is None or others is None else others - mine
    differs = mine != others if apart is None else abs(apart) > tolerance
    return Row(what, name, _time(mine), _time(others), differs, apart)


def _time(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.2f}s"
