"""The app's liveness probe fails."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.base import Fault
from crashy.faults.effects import InjectedResponse, RequestPart
from crashy.faults.probed import NOT_SERVING, STATUS, Probed
from crashy.faults.scope import DefaultTarget, ProbeName, Request


class Unlive(Fault):
    """Fail the liveness probe, so that the kubelet restarts the container."""

    target: ClassVar[DefaultTarget] = "liveness"
    rank: ClassVar[int] = 3
    examples: ClassVar[tuple[str, ...]] = (
        "unlive",
        "unlive times=3",
        "unlive after=20s for=30s",
        "unlive clients=kubelet p=0.5 seed=7",
    )
    probed: ClassVar[Mapping[str, Probed]] = {
        "unlive": Probed(
            http=STATUS.format(500), grpc=NOT_SERVING, exec="cat: /app/is_healthy: No such file or directory"
        ),
    }

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Answer 503, in the persona's words."""
        return InjectedResponse(503)

    def failing(self) -> frozenset[ProbeName]:
        """Return liveness."""
        return frozenset({"liveness"})
