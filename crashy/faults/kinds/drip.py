"""The app's responses come slowly, byte by byte."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.base import Fault, FaultError
from crashy.faults.effects import RequestPart, ResponseChange
from crashy.faults.probed import LATE_CALL, READING, Probed
from crashy.faults.scope import Request
from crashy.fields import param
from crashy.fields.sizes import Size
from crashy.fields.values import Duration

MAX_SECONDS = 3600.0


class BodyPaced(ResponseChange):
    """The body is sent in pieces, the last of them after `over` seconds, or at so many bytes a second."""

    outside: ClassVar[bool] = True
    lasting: ClassVar[bool] = True

    def __init__(self, over: float, rate: int | None) -> None:
        self.over = over
        self.rate = rate

    def seconds(self, size: int) -> float:
        """Return how long a body of so many bytes takes."""
        return min(size / self.rate, MAX_SECONDS) if self.rate else self.over


class Drip(Fault):
    """Send the body slowly, a piece at a time, over a while or at a bandwidth; status and headers come at once.

    When the fault ends, the rest follows at once. Over gRPC the message comes as late as its last byte would.
    """

    rank: ClassVar[int] = 4
    change: ClassVar[type[ResponseChange] | None] = BodyPaced
    examples: ClassVar[tuple[str, ...]] = (
        "drip",
        "drip over=30s p=0.1",
        "drip rate=1Ki routes=/download",
        "drip over=2s clients=kubelet",
    )
    probed: ClassVar[Mapping[str, Probed]] = {
        "drip clients=kubelet": Probed(http=READING, grpc=LATE_CALL),
        "drip over=200ms clients=kubelet": Probed(),
        "drip rate=1 clients=kubelet": Probed(http=READING, grpc=LATE_CALL),
    }

    over: float = param(Duration(zero=False, most=MAX_SECONDS), "the last byte comes that much later", default=10.0)
    rate: int | None = param(Size(), "so many bytes a second instead, a bandwidth; at most 1h for a body")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rate is not None and self.over != type(self).keys["over"].default:
            raise FaultError("rate", "either it or over, not both")

    @property
    def on_connections(self) -> bool:
        """Whether it is a bandwidth: a connection has no length that it could come over."""
        return self.rate is not None

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Pace the body."""
        return BodyPaced(self.over, self.rate)
