"""From samples to what users felt: availability and outages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crashy.traffic.samples import Sample


@dataclass(frozen=True, slots=True)
class Outage:
    """An uninterrupted span in which users' requests failed.

    From the first failed request to the first success that ended it (`end` is the last failure where none did);
    seconds since the first request was due. `requests` counts the failed ones.
    """

    start: float
    end: float
    requests: int

    @property
    def seconds(self) -> float:
        """Return its length."""
        return self.end - self.start


def availability(samples: Sequence[Sample]) -> float:
    """Return the share of requests that were answered rightly, 0 to 1; 1 where there was none."""
    return sum(s.ok for s in samples) / len(samples) if samples else 1.0


def outages(samples: Iterable[Sample], successes: int = 1) -> list[Outage]:
    """Find the outages, in order of time; each ends with the first of `successes` good answers in a row."""
    found: list[Outage] = []
    first: Sample | None = None
    last = 0.0
    failed = 0
    good: list[Sample] = []
    for sample in sorted(samples, key=lambda s: s.due):
        if not sample.ok:
            first = first or sample
            last = sample.due
            failed += 1
            good = []
        elif first:
            good.append(sample)
            if len(good) == successes:
                found.append(Outage(first.due, good[0].due, failed))
                first, failed, good = None, 0, []
    if first:
        found.append(Outage(first.due, last, failed))
    return found
