"""The longest back-off reached."""

from __future__ import annotations

from crashy.experiment.expectations import bound

EXPECTATION = bound(50, 'back_off: "<= 40s"', lambda run: run.summary.back_off, "{}s")
