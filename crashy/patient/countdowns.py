"""The countdowns that settings start, as faults."""

from __future__ import annotations

import random
from collections.abc import Callable

from crashy.faults.base import Fault
from crashy.faults.kinds.crash import Crash
from crashy.faults.kinds.freeze import Freeze
from crashy.faults.kinds.latency import Latency
from crashy.faults.kinds.unready import Unready
from crashy.faults.scope import Scope
from crashy.fields.units import Fixed, Uniform
from crashy.patient.probes import routes_of
from crashy.patient.settings import Settings

Make = Callable[[float, float, Settings, random.Random], Fault]


def _crash(after: float, jitter: float, _settings: Settings, _rng: random.Random) -> Fault:
    return Crash(mode="errors", scope=Scope(after=after, jitter=jitter))


def _freeze(after: float, jitter: float, _settings: Settings, _rng: random.Random) -> Fault:
    return Freeze(scope=Scope(after=after, jitter=jitter))


def _kill(after: float, jitter: float, settings: Settings, _rng: random.Random) -> Fault:
    return Crash(code=settings.exit_code, scope=Scope(after=after, jitter=jitter))


def _unready(seconds: float, jitter: float, _settings: Settings, rng: random.Random) -> Fault:
    # A scope's jitter moves the start of a fault; here it moves the end.
    return Unready(scope=Scope(for_=seconds + rng.uniform(0, jitter)))


def _latency(probe: str) -> Make:
    def make(seconds: float, jitter: float, _settings: Settings, _rng: random.Random) -> Fault:
        delay = Uniform(seconds, seconds + jitter) if jitter else Fixed(seconds)
        return Latency(delay=delay, scope=Scope(routes=routes_of(probe)))

    return make


_MAKERS: dict[str, Make] = {
    "CRASH_AFTER": _crash,
    "FREEZE_AFTER": _freeze,
    "KILL_IN_SECONDS": _kill,
    "READY_AFTER": _unready,
    "READINESS_LATENCY": _latency("readiness"),
    "LIVENESS_LATENCY": _latency("liveness"),
}

# 0 seconds of these is no fault at all; 0 seconds to a crash is a crash at once.
_NOTHING_AT_ZERO = frozenset({"READY_AFTER", "READINESS_LATENCY", "LIVENESS_LATENCY"})


def armed(settings: Settings, rng: random.Random) -> list[tuple[str, Fault]]:
    """Return the setting and the fault of each countdown that is set; `rng` draws the jitter."""
    faults = []
    for name, make in _MAKERS.items():
        seconds: float | None = getattr(settings, name.lower())
        jitter: float = getattr(settings, f"{name.lower()}_jitter")
        if seconds is None or (seconds + jitter == 0 and name in _NOTHING_AT_ZERO):
            continue
        faults.append((name, make(seconds, jitter, settings, rng)))
    return faults
