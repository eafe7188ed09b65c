"""A probe of the app fails and succeeds in turns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.base import FaultError
from crashy.faults.probe_fault import ProbeFault, probed_as, probed_from_outside
from crashy.faults.probed import Probed
from crashy.faults.scope import DefaultTarget, ProbeName
from crashy.fields import param
from crashy.fields.sizes import Percent, Share
from crashy.fields.units import format_duration
from crashy.fields.values import Choice, Duration

SHORTEST = 0.1
"""The shortest period, in seconds: each half wakes the app."""


class Flap(ProbeFault):
    """Fail the readiness probe, or another, and let it succeed, in turns.

    Each `period` begins with `duty` of it in which the probe fails; the first begins when the fault starts.
    """

    target: ClassVar[DefaultTarget] = "readiness"
    examples: ClassVar[tuple[str, ...]] = (
        "flap",
        "flap period=20s duty=30% for=5m",
        "flap probe=liveness period=2m duty=25%",
        "flap period=10s protocols=grpc after=30s",
    )
    probed: ClassVar[Mapping[str, Probed]] = probed_as("flap period=2h", 503, "/readyz", "is_ready")
    probed_outside: ClassVar[Mapping[str, Probed]] = probed_from_outside("flap period=2h", 503)

    probe: ProbeName = param(Choice("readiness", "liveness", "startup"), "the probe", default="readiness")
    period: float = param(Duration(zero=False), "begin to fail this often, at least 100ms", default=20.0)
    duty: Share = param(Percent(100), "fail for this share of each period", default=Share(50.0))

    def __post_init__(self) -> None:
        vars(self)["target"] = self.probe
        super().__post_init__()
        if self.period < SHORTEST:
            raise FaultError("period", f"'{format_duration(self.period)}': at least {format_duration(SHORTEST)}")

    def turns(self, start: float, now: float) -> tuple[bool, float | None]:
        """Return whether the probe fails now, and the end of this part of the period."""
        if self.duty.of(1) == 1:
            return True, None
        # Each edge is computed from the start, so that it is the same number whenever it is asked for.
        period = max(0, int((now - start) / self.period) - 1)
        while True:
            good = start + (period + self.duty.of(1)) * self.period
            if now < good:
                return True, good
            period += 1
            bad = start + period * self.period
            if now < bad:
                return False, bad
