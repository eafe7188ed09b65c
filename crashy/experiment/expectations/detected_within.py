"""The time from a fault to the first thing that the platform did about it."""

from __future__ import annotations

from crashy.experiment.expectations import within

EXPECTATION = within(70, "detected_within: 3s", lambda fault: fault.detected)
