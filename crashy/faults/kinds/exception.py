"""The app's code raises an exception."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.base import Fault
from crashy.faults.effects import RequestPart, ResponseChange
from crashy.faults.probed import STATUS, Probed
from crashy.faults.scope import Request
from crashy.fields import param
from crashy.fields.values import Text


class ExceptionRaised(ResponseChange):
    """The request's handler raises an exception."""

    def __init__(self, message: str) -> None:
        self.message = message


class UncaughtException(Fault):
    """Raise an exception in the handler: the client gets 500, the log the traceback."""

    rank: ClassVar[int] = 4
    change: ClassVar[type[ResponseChange] | None] = ExceptionRaised
    instead: ClassVar[str] = "error"
    examples: ClassVar[tuple[str, ...]] = (
        "exception",
        "exception p=0.01 seed=7",
        "exception routes=/checkout message='no such customer: 42'",
    )
    probed: ClassVar[Mapping[str, Probed]] = {
        "exception clients=kubelet": Probed(
            http=STATUS.format(500),
            grpc="error: health rpc probe failed: rpc error: code = Internal desc = Internal Server Error",
        )
    }

    message: str = param(Text(500), "what the exception says", default="injected by a fault")

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Raise."""
        return ExceptionRaised(self.message)
