"""The phases of the patient, and its health in each."""

from __future__ import annotations

from typing import Literal

from crashy.faults.health import Health

Phase = Literal["warming up", "serving", "draining"]

QUIET = 0.5
"""Seconds without a user's request after which a drain is finished: enough for the endpoints to follow readiness."""

RNG_SECONDS = 0.1
"""Seconds that the rng persona takes for one response."""


HEALTH_IN: dict[Phase, Health] = {
    "warming up": Health(startup=False, readiness=False),
    "serving": Health(),
    "draining": Health(readiness=False),
}
"""The health of the three probes in each phase, without faults."""
