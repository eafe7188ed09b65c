"""Connections close late."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.base import Fault
from crashy.faults.effects import ConnectionShape, LateClose, RequestPart
from crashy.faults.probed import PASSES, Probed
from crashy.faults.scope import Request
from crashy.fields import param
from crashy.fields.values import Duration


class SlowClose(Fault):
    """Close connections later than the app does: who reads to the end waits. When the fault ends, they close."""

    rank: ClassVar[int] = 1
    change: ClassVar[type[ConnectionShape] | None] = LateClose
    instead: ClassVar[str] = "stall-body or drip over=2s"
    examples: ClassVar[tuple[str, ...]] = (
        "slow-close",
        "slow-close delay=30s for=5m",
        "slow-close delay=2s clients=kubelet",
        "slow-close p=0.1 seed=7",
    )
    probed_outside: ClassVar[Mapping[str, Probed]] = {"slow-close": PASSES, "slow-close clients=kubelet": PASSES}

    delay: float = param(Duration(zero=False, most=3600.0), "close that much later", default=2.0)

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Delay the close."""
        return LateClose(self.delay)
