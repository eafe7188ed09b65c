"""The app says that it is not alive."""

from __future__ import annotations

import random
from typing import ClassVar

from crashy.faults.base import Fault
from crashy.faults.effects import Answer, RequestPart
from crashy.faults.scope import ProbeName, Request, Target


class Unlive(Fault):
    """Answer no to whoever asks whether the app is alive, so that the kubelet restarts it."""

    target: ClassVar[Target] = "liveness"
    rank: ClassVar[int] = 3
    examples: ClassVar[tuple[str, ...]] = (
        "unlive",
        "unlive times=3",
        "unlive after=20s for=30s",
        "unlive clients=kubelet p=0.5 seed=7",
    )

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Answer 503, in the persona's words."""
        return Answer(503)

    def failing(self) -> frozenset[ProbeName]:
        """Name the probe."""
        return frozenset({"liveness"})
