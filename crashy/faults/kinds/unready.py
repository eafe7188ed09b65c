"""The app says that it is not ready."""

from __future__ import annotations

import random
from typing import ClassVar

from crashy.faults.base import Fault
from crashy.faults.effects import Answer, RequestPart
from crashy.faults.scope import ProbeName, Request, Target


class Unready(Fault):
    """Answer no to whoever asks whether the app is ready, so that it leaves its Service's endpoints."""

    target: ClassVar[Target] = "readiness"
    rank: ClassVar[int] = 3
    examples: ClassVar[tuple[str, ...]] = (
        "unready",
        "unready times=3",
        "unready after=20s for=30s",
        "unready clients=kubelet p=0.5 seed=7",
    )

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Answer 503, in the persona's words."""
        return Answer(503)

    def failing(self) -> frozenset[ProbeName]:
        """Name the probe."""
        return frozenset({"readiness"})
