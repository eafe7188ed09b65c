"""The app answers late."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, ClassVar

from crashy.faults.base import Fault
from crashy.faults.effects import Delay, RequestPart
from crashy.faults.probed import AWAITING, LATE_CALL, PASSES, Probed
from crashy.faults.scope import Request
from crashy.fields import param
from crashy.fields.units import DISTRIBUTION, Distribution, Fixed, parse_distribution
from crashy.fields.values import Kind

MAX_DELAY = 3600.0


class DelayKind(Kind[Distribution]):
    """A delay, or what it is drawn from."""

    type = "distribution"
    allowed = f"{DISTRIBUTION}, at most 1h"
    schema = {"anyOf": [{"type": "number", "minimum": 0, "maximum": MAX_DELAY}, {"type": "string"}]}  # noqa: RUF012

    def from_json(self, value: Any) -> Distribution:
        """Read a duration, a range or percentiles."""
        distribution = parse_distribution(value)
        if distribution.longest > MAX_DELAY:
            raise ValueError(self.allowed)
        return distribution

    def to_json(self, value: Distribution) -> str:
        """Write it as it is read."""
        return str(value)


class Latency(Fault):
    """Answer later than usual."""

    rank: ClassVar[int] = 1
    examples: ClassVar[tuple[str, ...]] = (
        "latency delay=300ms",
        "latency delay=100ms..2s p=0.5",
        "latency delay=p50=20ms,p90=200ms,p99=2s seed=7",
        "latency delay=2s clients=kubelet for=1m",
    )
    probed: ClassVar[Mapping[str, Probed]] = {
        "latency": PASSES,
        "latency delay=2s clients=kubelet": Probed(http=AWAITING, grpc=LATE_CALL),
    }

    delay: Distribution = param(DelayKind(), "how much later", default=Fixed(0.3))

    @property
    def on_connections(self) -> bool:
        """Whether it delays what passes on any connection: it does."""
        return True

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Delay the response by a time drawn from `delay`."""
        return Delay(self.delay.sample(rng))
