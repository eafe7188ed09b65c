"""The app closes connections without a response."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.base import Fault
from crashy.faults.effects import RequestPart, ResponseChange
from crashy.faults.probed import Probed
from crashy.faults.scope import Request


class ConnectionClosed(ResponseChange):
    """The request's connection is closed (FIN) before a byte of a response."""

    outside: ClassVar[bool] = True
    on_connections: ClassVar[bool] = True


class Abort(Fault):
    """Close the connection (FIN) without a response: the client reads its end.

    Over gRPC that ends every call on the connection.
    """

    rank: ClassVar[int] = 4
    change: ClassVar[type[ResponseChange] | None] = ConnectionClosed
    examples: ClassVar[tuple[str, ...]] = (
        "abort",
        "abort p=0.1 routes=/checkout methods=POST seed=7",
        "abort clients=kubelet times=3",
    )
    probed: ClassVar[Mapping[str, Probed]] = {
        "abort clients=kubelet": Probed(
            http='Get "http://POD:8080/readyz": EOF',
            grpc="error: health rpc probe failed: rpc error: code = Unavailable desc = error reading from server: EOF",
        )
    }

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Close the connection."""
        return ConnectionClosed()
