"""The app swallows requests."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.base import Fault
from crashy.faults.effects import RequestPart, ResponseChange
from crashy.faults.probed import AWAITING, LATE_CALL, Probed
from crashy.faults.scope import Request


class RequestSwallowed(ResponseChange):
    """Nothing comes back while the fault lasts; then the connection is closed, or the call dropped."""

    outside: ClassVar[bool] = True
    on_connections: ClassVar[bool] = True
    lasting: ClassVar[bool] = True


class Blackhole(Fault):
    """Swallow requests: not a byte comes back while the fault lasts, nor later, when the connection is closed.

    It is a black hole for requests, not for packets: the kernel accepts connections, so a tcpSocket probe passes. Other
    than with `freeze mode=hang`, what was swallowed is never answered, nor is what follows on its connection.
    """

    rank: ClassVar[int] = 4
    change: ClassVar[type[ResponseChange] | None] = RequestSwallowed
    examples: ClassVar[tuple[str, ...]] = (
        "blackhole",
        "blackhole p=0.1 for=1m",
        "blackhole routes=/checkout times=5",
        "blackhole clients=kubelet for=30s",
    )
    probed: ClassVar[Mapping[str, Probed]] = {"blackhole clients=kubelet": Probed(http=AWAITING, grpc=LATE_CALL)}

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Swallow the request."""
        return RequestSwallowed()
