"""The app's responses end too early."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.base import Fault
from crashy.faults.effects import RequestPart, ResponseChange
from crashy.faults.probed import Probed
from crashy.faults.scope import Request
from crashy.fields import param
from crashy.fields.sizes import Percent, Share
from crashy.fields.values import Choice

_UNKNOWN = "errored and resulted in failure state: unexpected EOF"
_GRPC = (
    "error: health rpc probe failed: rpc error: code = Internal desc = "
    "stream terminated by RST_STREAM with error code: INTERNAL_ERROR"
)


class BodyTruncated(ResponseChange):
    """Only the first part of the body is sent, then the connection is closed."""

    outside: ClassVar[bool] = True
    on_connections: ClassVar[bool] = True

    def __init__(self, mode: str, keep: Share) -> None:
        self.mode = mode
        self.keep = keep

    def kept(self, size: int) -> int:
        """Return how many bytes of so many are sent: at least one is missing."""
        return min(int(self.keep.of(size)), max(0, size - 1))


class Truncate(Fault):
    """Cut the response's body short: the client is promised more than it gets before the connection is closed.

    Its status and headers are the app's. At least one byte is missing; an empty body is promised to have one. Over gRPC
    the stream is reset within the message (INTERNAL_ERROR).
    """

    rank: ClassVar[int] = 4
    change: ClassVar[type[ResponseChange] | None] = BodyTruncated
    examples: ClassVar[tuple[str, ...]] = (
        "truncate",
        "truncate mode=chunk keep=90% p=0.1",
        "truncate clients=kubelet times=3",
    )
    probed: ClassVar[Mapping[str, Probed]] = {
        "truncate clients=kubelet": Probed(http=_UNKNOWN, grpc=_GRPC),
        "truncate mode=chunk clients=kubelet": Probed(http=_UNKNOWN, grpc=_GRPC),
    }

    mode: str = param(
        Choice("length", "chunk"),
        "length sends a Content-Length longer than what follows, chunk cuts a chunk (to HTTP/1.0 as length)",
        default="length",
    )
    keep: Share = param(Percent(100), "send so much of the body", default=Share(50.0))

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Truncate the body."""
        return BodyTruncated(self.mode, self.keep)
