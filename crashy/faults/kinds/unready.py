"""The app's readiness probe fails."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.base import Fault
from crashy.faults.effects import InjectedResponse, RequestPart
from crashy.faults.probed import NO_FILE, NOT_SERVING, STATUS, Probed
from crashy.faults.scope import DefaultTarget, ProbeName, Request


class Unready(Fault):
    """Fail the readiness probe, so that the pod leaves its Service's endpoints."""

    target: ClassVar[DefaultTarget] = "readiness"
    rank: ClassVar[int] = 3
    examples: ClassVar[tuple[str, ...]] = (
        "unready",
        "unready times=3",
        "unready after=20s for=30s",
        "unready clients=kubelet p=0.5 seed=7",
    )
    probed: ClassVar[Mapping[str, Probed]] = {
        "unready": Probed(http=STATUS.format(503), grpc=NOT_SERVING, exec=NO_FILE),
    }

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Answer 503, in the persona's words."""
        return InjectedResponse(503)

    def failing(self) -> frozenset[ProbeName]:
        """Return readiness."""
        return frozenset({"readiness"})
