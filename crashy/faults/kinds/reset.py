"""The app resets connections."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.base import Fault
from crashy.faults.effects import RequestPart, ResponseChange
from crashy.faults.probed import Probed
from crashy.faults.scope import Request

_RST = "read tcp NODE->POD:{}: read: connection reset by peer"


class ConnectionReset(ResponseChange):
    """The request's connection is reset (RST) before a byte of a response."""

    outside: ClassVar[bool] = True
    on_connections: ClassVar[bool] = True


class Reset(Fault):
    """Reset the connection (RST) without a response: the client reads `connection reset by peer`.

    Over gRPC that ends every call on the connection.
    """

    rank: ClassVar[int] = 4
    change: ClassVar[type[ResponseChange] | None] = ConnectionReset
    examples: ClassVar[tuple[str, ...]] = ("reset", "reset p=0.05 seed=7 for=1m", "reset clients=kubelet every=2")
    probed: ClassVar[Mapping[str, Probed]] = {
        "reset clients=kubelet": Probed(
            http=f'Get "http://POD:8080/readyz": {_RST.format(8080)}',
            grpc="error: health rpc probe failed: rpc error: code = Unavailable desc = error reading from server: "
            + _RST.format(9000),
        )
    }

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Reset the connection."""
        return ConnectionReset()
