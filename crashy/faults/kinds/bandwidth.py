"""What passes between the app and its clients has a bandwidth."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.base import Fault
from crashy.faults.effects import Bandwidth, ConnectionShape, RequestPart
from crashy.faults.probed import AWAITING, LATE_CALL, PASSES, Probed
from crashy.faults.scope import Request
from crashy.fields import param
from crashy.fields.sizes import Size


class BandwidthFault(Fault):
    """Limit the bandwidth of connections: so many bytes a second each way. When the fault ends, the rest follows."""

    rank: ClassVar[int] = 1
    change: ClassVar[type[ConnectionShape] | None] = Bandwidth
    instead: ClassVar[str] = "drip rate=1Mi"
    examples: ClassVar[tuple[str, ...]] = (
        "bandwidth",
        "bandwidth rate=100Ki for=1m",
        "bandwidth rate=1Ki clients=kubelet",
        "bandwidth rate=10Ki p=0.1 seed=7",
    )
    probed_outside: ClassVar[Mapping[str, Probed]] = {
        "bandwidth": PASSES,
        "bandwidth rate=10 clients=kubelet": Probed(http=AWAITING, grpc=LATE_CALL),
    }

    rate: int = param(Size(), "so many bytes a second", default=1 << 20)

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Limit the bandwidth."""
        return Bandwidth(self.rate)
