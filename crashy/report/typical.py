"""The typical one of several runs of an experiment, without the chance of a single run."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import median_low

from crashy.report.parity import ComparableRun, Moment
from crashy.report.results import FaultResult, RunSummary
from crashy.traffic.outages import Outage


def typical(runs: Sequence[ComparableRun], like: ComparableRun | None = None) -> ComparableRun:
    """Return the run whose times, restarts and sums are the medians of those given.

    A lane has the order of most runs, or that of `like` if any run has it: where chance decides between two orders,
    both sides may take the one that both have. A lane that fewer than half of them have is left
    out, unless `like` has it. Its times are medians over the runs with its order. Raises ValueError for none.
    """
    if not runs:
        raise ValueError("needs at least one run")
    wanted = like.lanes if like else {}
    lanes: dict[str, tuple[Moment, ...]] = {}
    for lane in dict.fromkeys(lane for run in runs for lane in run.lanes):
        having = [run.lanes[lane] for run in runs if lane in run.lanes]
        if len(having) * 2 >= len(runs) or lane in wanted:
            lanes[lane] = _lane(having, wanted.get(lane, ()))
    return ComparableRun(
        lanes=lanes,
        restarts={
            pod: median_low(run.restarts.get(pod, 0) for run in runs)
            for pod in dict.fromkeys(pod for run in runs for pod in run.restarts)
        },
        summary=_summary([run.summary for run in runs]),
        end=_median(run.end for run in runs) or 0.0,
    )


def _lane(runs: Sequence[tuple[Moment, ...]], wanted: Sequence[Moment]) -> tuple[Moment, ...]:
    orders = Counter(_order(run) for run in runs)
    order = _order(wanted) if _order(wanted) in orders else orders.most_common(1)[0][0]
    alike = [run for run in runs if _order(run) == order]
    return tuple(Moment(reason, median_low(run[number].t for run in alike)) for number, reason in enumerate(order))


def _order(moments: Iterable[Moment]) -> tuple[str, ...]:
    return tuple(moment.reason for moment in moments)


def _summary(several: Sequence[RunSummary]) -> RunSummary:
    faults = min((summary.faults for summary in several), key=len)
    longest = _median(max((outage.seconds for outage in summary.outages), default=0.0) for summary in several) or 0.0
    return replace(
        several[0],
        faults=tuple(_fault([summary.faults[number] for summary in several]) for number in range(len(faults))),
        outages=(Outage(0.0, longest, 0),) if longest else (),
        availability=median_low(summary.availability for summary in several),
    )


def _fault(several: Sequence[FaultResult]) -> FaultResult:
    return replace(
        several[0],
        detected=_median(fault.detected for fault in several),
        drained=_median(fault.drained for fault in several),
        recovered=_median(fault.recovered for fault in several),
    )


def _median(values: Iterable[float | None]) -> float | None:
    """Return the median; None counts as the latest."""
    found = median_low(math.inf if value is None else value for value in values)
    return None if math.isinf(found) else found
