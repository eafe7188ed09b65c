"""The longest uninterrupted span in which users' requests failed."""

from __future__ import annotations

from crashy.experiment.expectations import Run, bound


def _longest(run: Run) -> float:
    return max((outage.seconds for outage in run.summary.outages), default=0.0)


EXPECTATION = bound(20, 'max_outage: "<= 2s"', _longest, "{:.2f}s")
