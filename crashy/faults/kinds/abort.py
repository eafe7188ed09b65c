"""The app closes connections without a response."""

from __future__ import annotations

import random
from typing import ClassVar

from crashy.faults.base import Fault
from crashy.faults.effects import RequestPart, ResponseChange
from crashy.faults.scope import Request


class ConnectionClosed(ResponseChange):
    """The request's connection is closed (FIN) before a byte of a response."""


class Abort(Fault):
    """Close the connection (FIN) without a response: the client reads its end."""

    rank: ClassVar[int] = 4
    examples: ClassVar[tuple[str, ...]] = (
        "abort",
        "abort p=0.1 routes=/checkout methods=POST seed=7",
        "abort clients=kubelet times=3",
    )

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Close the connection."""
        return ConnectionClosed()
