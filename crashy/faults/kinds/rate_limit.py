"""The app answers only so many requests in a time."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from typing import ClassVar

from crashy.faults.base import Fault
from crashy.faults.effects import InjectedResponse, RequestPart
from crashy.faults.probed import STATUS, Probed
from crashy.faults.scope import Request
from crashy.fields import param
from crashy.fields.values import Duration, Integer


class RateLimit(Fault):
    """Answer 429 with Retry-After to what is more than so many requests in a time (a token bucket).

    The bucket holds `burst` requests, is full at first, and fills at `requests` per `per`. `hits` and `times` count
    those that it lets through too.
    """

    rank: ClassVar[int] = 4
    examples: ClassVar[tuple[str, ...]] = (
        "rate-limit",
        "rate-limit requests=5 burst=20 routes=/api/*",
        "rate-limit requests=1 per=1m clients=kubelet",
    )
    probed: ClassVar[Mapping[str, Probed]] = {
        "rate-limit requests=1 per=24h clients=kubelet": Probed(
            http=STATUS.format(429),
            grpc="error: health rpc probe failed: rpc error: code = Unavailable desc = 429 Too Many Requests",
        )
    }

    requests: int = param(Integer(1, 1_000_000, "a number of requests"), "let through so many", default=10)
    per: float = param(Duration(zero=False), "in this time", default=1.0)
    burst: int | None = param(
        Integer(1, 1_000_000, "a number of requests"), "let through so many at once, by default as many as `requests`"
    )

    def responder(self, rng: random.Random) -> Callable[[Request, float], RequestPart | None]:
        """Return what lets requests through, or answers them, by their times."""
        size, rate = float(self.burst or self.requests), self.requests / self.per
        tokens, filled_at = size, -math.inf

        def limit(_request: Request, now: float) -> RequestPart | None:
            nonlocal tokens, filled_at
            tokens, filled_at = min(size, tokens + (now - filled_at) * rate), now
            if tokens >= 1:
                tokens -= 1
                return None
            # Rounded, so that a second isn't made two by the last bit of a fraction.
            seconds = math.ceil(round((1 - tokens) / rate, 6))
            return InjectedResponse(429, headers=(("Retry-After", str(max(1, seconds))),))

        return limit
