"""The countdowns that settings start, as faults."""

from __future__ import annotations

import random

from crashy.faults.base import Fault
from crashy.faults.scope import Scope
from crashy.fields.units import Fixed, Uniform
from crashy.patient.probes import routes_of
from crashy.patient.settings import Settings

_NAMES = ("CRASH_AFTER", "FREEZE_AFTER", "KILL_IN_SECONDS", "READY_AFTER", "READINESS_LATENCY", "LIVENESS_LATENCY")

# 0 seconds of these is no fault at all; 0 seconds to a crash is a crash at once.
_NOTHING_AT_ZERO = frozenset({"READY_AFTER", "READINESS_LATENCY", "LIVENESS_LATENCY"})


def armed(settings: Settings, rng: random.Random) -> list[tuple[str, Fault]]:
    """Return the setting and the fault of each countdown that is set; `rng` draws the jitter."""
    faults = []
    for name in _NAMES:
        seconds: float | None = getattr(settings, name.lower())
        jitter: float = getattr(settings, f"{name.lower()}_jitter")
        if seconds is not None and (seconds + jitter or name not in _NOTHING_AT_ZERO):
            faults.append((name, _fault(name, seconds, jitter, settings, rng)))
    return faults


def _fault(name: str, seconds: float, jitter: float, settings: Settings, rng: random.Random) -> Fault:
    # Imported here, since a patient mostly starts without any.
    from crashy.faults.kinds.crash import Crash  # noqa: PLC0415
    from crashy.faults.kinds.freeze import Freeze  # noqa: PLC0415
    from crashy.faults.kinds.latency import Latency  # noqa: PLC0415
    from crashy.faults.kinds.unready import Unready  # noqa: PLC0415

    match name:
        case "CRASH_AFTER":
            return Crash(mode="errors", scope=Scope(after=seconds, jitter=jitter))
        case "FREEZE_AFTER":
            return Freeze(scope=Scope(after=seconds, jitter=jitter))
        case "KILL_IN_SECONDS":
            return Crash(code=settings.exit_code, scope=Scope(after=seconds, jitter=jitter))
        case "READY_AFTER":  # a scope's jitter moves the start of a fault; here it moves the end
            return Unready(scope=Scope(for_=seconds + rng.uniform(0, jitter)))
    delay = Uniform(seconds, seconds + jitter) if jitter else Fixed(seconds)
    return Latency(delay=delay, scope=Scope(routes=routes_of(name.partition("_")[0].lower())))
