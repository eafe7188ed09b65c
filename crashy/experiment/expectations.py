"""What was expected against what was seen: a pure function of the results."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crashy.experiment.model import Comparison, EventPattern, Expectations, Outcome
from crashy.report.results import Results
from crashy.timeline import Event


@dataclass(frozen=True, slots=True)
class Verdict:
    """One expectation, and what was seen of it."""

    name: str
    wanted: str
    seen: str
    passed: bool


def judge(expect: Expectations, told: Results, events: Sequence[Event]) -> list[Verdict]:
    """Judge every expectation that there is, in the order in which they are documented."""
    return [
        *_bounds(expect, told),
        *_restarts(expect, told),
        *_times(expect, told),
        *_logs(expect, events),
        *_zombies(expect, events),
        *_rest(expect, told, events),
    ]


def _logs(expect: Expectations, events: Sequence[Event]) -> Iterator[Verdict]:
    for container, wanted in expect.logs.items():
        lines = [e.message for e in events if e.kind == "log" and e.data.get("container") == container]
        found = next((line for line in lines if re.search(wanted, line)), None)
        seen = f"none of its {len(lines)} lines" if found is None else found
        yield Verdict(f"log of {container}", wanted, seen, found is not None)


def _zombies(expect: Expectations, events: Sequence[Event]) -> Iterator[Verdict]:
    if expect.zombies is not None:
        most = max((e.data["zombies"] for e in events if (e.kind, e.reason) == ("process", "Zombies")), default=0)
        yield Verdict("zombies", expect.zombies.text, str(most), expect.zombies.holds(most))


def _bounds(expect: Expectations, told: Results) -> Iterator[Verdict]:
    longest = max((outage.seconds for outage in told.outages), default=0.0)
    bounds: tuple[tuple[str, Comparison | None, float, str], ...] = (
        ("availability", expect.availability, told.availability, f"{told.availability:.4f}"),
        ("max_outage", expect.max_outage, longest, f"{longest:.2f}s"),
        ("errors", expect.errors, told.errors, str(told.errors)),
        ("requests_after_leaving", expect.requests_after_leaving, told.after_leaving, str(told.after_leaving)),
        ("back_off", expect.back_off, told.back_off, f"{told.back_off}s"),
    )
    for name, bound, seen, text in bounds:
        if bound is not None:
            yield Verdict(name, bound.text, text, bound.holds(seen))


def _restarts(expect: Expectations, told: Results) -> Iterator[Verdict]:
    for name, bound in expect.restarts.items():
        counts = [n for pod, n in told.restarts.items() if name == "total" or pod.startswith(name)]
        seen = sum(counts)
        shown = str(seen) if counts else "no such pod"
        yield Verdict(f"restarts of {name}", bound.text, shown, bool(counts) and bound.holds(seen))


def _times(expect: Expectations, told: Results) -> Iterator[Verdict]:
    for name, bound, times in (
        ("detected_within", expect.detected_within, [fault.detected for fault in told.faults]),
        ("recovered_within", expect.recovered_within, [fault.recovered for fault in told.faults]),
    ):
        if bound is None:
            continue
        came = [time for time in times if time is not None]
        missing = len(times) - len(came)
        seen = f"{max(came):.2f}s" if came else "never"
        seen += f", {missing} of {len(times)} never" if missing and came else ""
        yield Verdict(
            name, f"{bound:g}s", seen if times else "no fault", bool(came) and not missing and max(came) <= bound
        )


def _rest(expect: Expectations, told: Results, events: Sequence[Event]) -> Iterator[Verdict]:
    if expect.outcome is not None:
        seen = outcomes(told)
        yield Verdict("outcome", expect.outcome, ", ".join(seen) or "none of them", expect.outcome in seen)
    if expect.events:
        missing = first_missing(expect.events, events)
        wanted = ", ".join(map(str, expect.events))
        yield Verdict("events", wanted, f"missing from {missing} on" if missing else "in this order", not missing)


def outcomes(told: Results) -> list[Outcome]:
    """Name every outcome that a run can be said to have had.

    It recovers if all pods are ready at the end and users are answered; where there are no users, every fault must have
    been followed by a recovery.
    """
    well = told.answering and bool(told.ready) and all(told.ready.values())
    well = well and (told.requests > 0 or all(fault.recovered is not None for fault in told.faults))
    seen: list[Outcome] = ["recovers" if well else "never-recovers"]
    if told.faults and all(fault.detected is None for fault in told.faults):
        seen.append("never-detected")
    if set(told.ready) - told.ever_ready:
        seen.append("never-ready")
    if told.back_off and max(told.restarts.values(), default=0) >= 2:
        seen.append("crash-loops")
    return seen


def first_missing(patterns: Sequence[EventPattern], events: Sequence[Event]) -> str:
    """Return the first pattern that has no event after that of the pattern before; an empty text if none is missing."""
    told = (event for event in events if event.kind in {"event", "step"})
    for pattern in patterns:
        if not any(map(pattern.matches, told)):  # goes on where the last search ended
            return str(pattern)
    return ""
