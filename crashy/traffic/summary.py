"""From samples to what users felt, as one document."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from crashy.traffic.outages import Outage, availability, outages
from crashy.traffic.samples import Sample

LATE = 0.1
"""Seconds of lag from which on a request counts as late."""


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile of ascending values; `share` from 0 to 1. Raises ValueError on none."""
    if not ordered:
        raise ValueError("no values")
    rank = -(-len(ordered) * share // 1)  # the ceiling
    return ordered[max(0, int(rank) - 1)]


def summary(samples: Iterable[Sample], *, rate: float, successes: int = 1) -> dict[str, Any]:
    """Return the document that `crashy traffic --json` prints; times in seconds since the first request was due."""
    ordered = sorted(samples, key=lambda s: s.due)
    failed = [s for s in ordered if not s.ok]
    found = outages(ordered, successes)
    last = max((s.due for s in ordered), default=0.0)
    return {
        "requests": len(ordered),
        "failures": len(failed),
        "availability": availability(ordered),
        "outages": [_outage(outage) for outage in found],
        "latency": {"all": _latency(ordered), "outside_outages": _latency(_outside(ordered, found))},
        "pods": {name: _pod(ordered, name) for name in sorted({s.pod for s in ordered if s.pod})},
        "outcomes": dict(sorted(Counter(s.outcome for s in ordered).items())),
        "first_failure": failed[0].due if failed else None,
        "last_failure": failed[-1].due if failed else None,
        "schedule": _schedule(ordered, rate),
        "seconds": round(last + 1 / rate, 6) if ordered else 0.0,
    }


def _outage(outage: Outage) -> dict[str, float]:
    return {
        "start": round(outage.start, 6),
        "end": round(outage.end, 6),
        "seconds": round(outage.seconds, 6),
        "requests": outage.requests,
    }


def _latency(samples: Sequence[Sample]) -> dict[str, float] | None:
    """Return percentiles over the answered requests; None where none was."""
    answered = sorted(s.latency for s in samples if s.ok)
    if not answered:
        return None
    shares = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: round(percentile(answered, share), 6) for name, share in shares.items()}


def _outside(ordered: Sequence[Sample], found: Sequence[Outage]) -> list[Sample]:
    starts = [outage.start for outage in found]

    def inside(due: float) -> bool:
        i = bisect_right(starts, due) - 1
        return i >= 0 and due < found[i].end

    return [s for s in ordered if not inside(s.due)]


def _pod(samples: Sequence[Sample], name: str) -> dict[str, Any]:
    own = [s for s in samples if s.pod == name]
    answered = sum(1 for s in samples if s.pod)
    return {
        "requests": len(own),
        "failures": sum(not s.ok for s in own),
        "share": round(len(own) / answered, 6),
        "first": round(own[0].due, 6),
        "last": round(own[-1].due, 6),
    }


def _schedule(samples: Sequence[Sample], rate: float) -> dict[str, Any]:
    lags = sorted(max(0.0, s.lag) for s in samples)
    return {
        "rate": rate,
        "lag_p99": round(percentile(lags, 0.99), 6) if lags else None,
        "lag_max": round(lags[-1], 6) if lags else None,
        "late": sum(lag >= LATE for lag in lags),
    }
