"""The time from a fault to the pod ready again."""

from __future__ import annotations

from crashy.experiment.expectations import within

EXPECTATION = within(80, "recovered_within: 20s", lambda fault: fault.recovered)
