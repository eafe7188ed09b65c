"""The body of the app's responses never comes."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.base import Fault
from crashy.faults.effects import RequestPart, ResponseChange
from crashy.faults.probed import LATE_CALL, READING, Probed
from crashy.faults.scope import Request


class BodyStalled(ResponseChange):
    """Status and headers are sent, and the body only when the fault ends."""

    outside: ClassVar[bool] = True
    lasting: ClassVar[bool] = True


class StallBody(Fault):
    """Send status and headers, and no body while the fault lasts: the http probe that never counts.

    The kubelet discards what it can't read to its end, whatever the status was (kubernetes#122591), so such an app is
    neither restarted nor taken out of its Service. When the fault ends, the body follows. Over gRPC the message waits.
    """

    rank: ClassVar[int] = 4
    change: ClassVar[type[ResponseChange] | None] = BodyStalled
    examples: ClassVar[tuple[str, ...]] = (
        "stall-body clients=kubelet",
        "stall-body p=0.1 for=1m",
        "stall-body routes=/livez",
    )
    probed: ClassVar[Mapping[str, Probed]] = {"stall-body clients=kubelet": Probed(http=READING, grpc=LATE_CALL)}

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Hold the body back."""
        return BodyStalled()
