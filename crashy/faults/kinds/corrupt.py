"""The app's responses are corrupted on their way."""

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


class BodyCorrupted(ResponseChange):
    """A share of the body's bytes is flipped; `seed` says which, and how."""

    outside: ClassVar[bool] = True

    def __init__(self, share: Share, seed: int) -> None:
        self.share = share
        self.seed = seed

    def apply(self, body: bytes) -> bytes:
        """Return a body of the same length, at least one byte of which is another."""
        if not body:
            return body
        rng, corrupted = random.Random(self.seed), bytearray(body)
        for place in rng.sample(range(len(body)), max(1, int(self.share.of(len(body))))):
            corrupted[place] ^= rng.randrange(1, 256)
        return bytes(corrupted)


class Corrupt(Fault):
    """Flip bytes of the response's body, whose length stays; status and headers are the app's.

    Probes don't look at a body. Over gRPC all of the message is inverted, so that no client can read it.
    """

    rank: ClassVar[int] = 4
    change: ClassVar[type[ResponseChange] | None] = BodyCorrupted
    examples: ClassVar[tuple[str, ...]] = (
        "corrupt",
        "corrupt share=1% seed=7 routes=/download",
        "corrupt p=0.05 for=1m",
    )
    probed: ClassVar[Mapping[str, Probed]] = {
        "corrupt clients=kubelet": Probed(
            grpc="error: health rpc probe failed: rpc error: code = Internal desc = grpc: failed to unmarshal the "
            "received message: proto: cannot parse invalid wire-format data"
        )
    }

    share: Share = param(Percent(100), "flip so many of its bytes, at least one", default=Share(10.0))

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Corrupt the body."""
        return BodyCorrupted(self.share, rng.getrandbits(32))
