"""The number of users' requests that failed."""

from __future__ import annotations

from crashy.experiment.expectations import bound

EXPECTATION = bound(30, 'errors: "< 20"', lambda run: run.summary.errors)
