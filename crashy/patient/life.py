"""The phases of one life of the patient, and what they make of its health."""

from __future__ import annotations

from typing import Literal

from crashy.faults.active import Health

Phase = Literal["warming up", "serving", "draining"]

QUIET = 0.5
"""Seconds without a user's request after which a drain is over: time enough for the endpoints to follow readiness."""

RNG_SECONDS = 0.1
"""How long the rng persona works on one answer."""


def health_in(phase: Phase) -> Health:
    """Return the three health answers of a phase, faults apart."""
    return _HEALTH[phase]


_HEALTH: dict[Phase, Health] = {
    "warming up": Health(startup=False, readiness=False),
    "serving": Health(),
    "draining": Health(readiness=False),
}
