"""The share of users' requests that were answered."""

from __future__ import annotations

from crashy.experiment.expectations import bound

EXPECTATION = bound(10, 'availability: ">= 0.99"', lambda run: run.summary.availability, "{:.4f}")
