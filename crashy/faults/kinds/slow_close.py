"""Connections close late."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.base import Fault
from crashy.faults.effects import RequestPart, ResponseChange
from crashy.faults.probed import PASSES, Probed
from crashy.faults.scope import Request
from crashy.fields import param
from crashy.fields.values import Duration


class CloseDelayed(ResponseChange):
    """The end of what the app sends (FIN) reaches its client so many seconds later."""

    lasting: ClassVar[bool] = True
    inside: ClassVar[bool] = False
    outside: ClassVar[bool] = True
    on_connections: ClassVar[bool] = True

    def __init__(self, delay: float) -> None:
        self.delay = delay


class SlowClose(Fault):
    """Close connections later than the app does: who reads to the end waits. When the fault ends, they close."""

    rank: ClassVar[int] = 4
    change: ClassVar[type[ResponseChange] | None] = CloseDelayed
    instead: ClassVar[str] = "stall-body or drip over=2s"
    examples: ClassVar[tuple[str, ...]] = (
        "slow-close",
        "slow-close delay=30s for=5m",
        "slow-close delay=2s clients=kubelet",
        "slow-close p=0.1 seed=7",
    )
    probed_outside: ClassVar[Mapping[str, Probed]] = {"slow-close": PASSES}

    delay: float = param(Duration(zero=False, most=3600.0), "close that much later", default=2.0)

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Delay the close."""
        return CloseDelayed(self.delay)
