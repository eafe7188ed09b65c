"""The number of requests that a pod was given after it had left its Service."""

from __future__ import annotations

from crashy.experiment.expectations import bound

EXPECTATION = bound(40, 'requests_after_leaving: "== 0"', lambda run: run.summary.after_leaving)
