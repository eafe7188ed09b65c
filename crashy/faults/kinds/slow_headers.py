"""The head of the app's responses comes slowly."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.base import Fault
from crashy.faults.effects import RequestPart, ResponseChange
from crashy.faults.probed import AWAITING, LATE_CALL, Probed
from crashy.faults.scope import Request
from crashy.fields import param
from crashy.fields.values import Duration


class HeadPaced(ResponseChange):
    """The status line and the headers are sent in pieces, the last of them after `over` seconds."""

    outside: ClassVar[bool] = True
    lasting: ClassVar[bool] = True

    def __init__(self, over: float) -> None:
        self.over = over


class SlowHeaders(Fault):
    """Send the status line and the headers slowly, a piece at a time; the body follows at once.

    The connection is closed afterwards. When the fault ends, the rest follows at once. Over gRPC, whose headers are one
    frame, they come that much later.
    """

    rank: ClassVar[int] = 4
    change: ClassVar[type[ResponseChange] | None] = HeadPaced
    examples: ClassVar[tuple[str, ...]] = (
        "slow-headers",
        "slow-headers over=30s p=0.1",
        "slow-headers over=2s clients=kubelet",
    )
    probed: ClassVar[Mapping[str, Probed]] = {
        "slow-headers clients=kubelet": Probed(http=AWAITING, grpc=LATE_CALL),
        "slow-headers over=200ms clients=kubelet": Probed(),
    }

    over: float = param(Duration(zero=False, most=3600.0), "the last of them comes that much later", default=10.0)

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Pace the head."""
        return HeadPaced(self.over)
