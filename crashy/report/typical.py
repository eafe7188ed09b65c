"""The typical one of several runs of one experiment: what chance does to a single run is taken out by repeating."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import median_low

from crashy.report.parity import Moment, RunSummary
from crashy.report.results import FaultResult, Results
from crashy.traffic.outages import Outage


def typical(summaries: Sequence[RunSummary], like: RunSummary | None = None) -> RunSummary:
    """Return the summary whose times, restarts and sums are the medians of those given.

    A lane goes in the order that most of them had, or in that of `like` if any of them went so: where chance decides
    between two orders, both sides may take the one that both have. A lane that fewer than half of them have is left
    out, unless `like` has it. Its times are medians over the runs that went in its order. Raises ValueError for none.
    """
    if not summaries:
        raise ValueError("there is nothing to take the typical one of")
    wanted = like.lanes if like else {}
    lanes: dict[str, tuple[Moment, ...]] = {}
    for lane in dict.fromkeys(lane for summary in summaries for lane in summary.lanes):
        runs = [summary.lanes[lane] for summary in summaries if lane in summary.lanes]
        if len(runs) * 2 >= len(summaries) or lane in wanted:
            lanes[lane] = _lane(runs, wanted.get(lane, ()))
    return RunSummary(
        lanes=lanes,
        restarts={
            pod: median_low(summary.restarts.get(pod, 0) for summary in summaries)
            for pod in dict.fromkeys(pod for summary in summaries for pod in summary.restarts)
        },
        totals=_totals([summary.totals for summary in summaries]),
        end=_median(summary.end for summary in summaries) or 0.0,
    )


def _lane(runs: Sequence[tuple[Moment, ...]], wanted: Sequence[Moment]) -> tuple[Moment, ...]:
    orders = Counter(_order(run) for run in runs)
    order = _order(wanted) if _order(wanted) in orders else orders.most_common(1)[0][0]
    alike = [run for run in runs if _order(run) == order]
    return tuple(Moment(reason, median_low(run[number].t for run in alike)) for number, reason in enumerate(order))


def _order(moments: Iterable[Moment]) -> tuple[str, ...]:
    return tuple(moment.reason for moment in moments)


def _totals(several: Sequence[Results]) -> Results:
    faults = min((totals.faults for totals in several), key=len)
    longest = _median(max((outage.seconds for outage in totals.outages), default=0.0) for totals in several) or 0.0
    return replace(
        several[0],
        faults=tuple(_fault([totals.faults[number] for totals in several]) for number in range(len(faults))),
        outages=(Outage(0.0, longest, 0),) if longest else (),
        availability=median_low(totals.availability for totals in several),
    )


def _fault(several: Sequence[FaultResult]) -> FaultResult:
    return replace(
        several[0],
        detected=_median(fault.detected for fault in several),
        drained=_median(fault.drained for fault in several),
        recovered=_median(fault.recovered for fault in several),
    )


def _median(values: Iterable[float | None]) -> float | None:
    """Return the median, where what never came is later than all that did."""
    found = median_low(math.inf if value is None else value for value in values)
    return None if math.isinf(found) else found
