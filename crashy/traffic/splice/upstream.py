"""Where a connection leads to, and what may happen to it on its way."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Literal, NamedTuple

from crashy.traffic.splice.gate import Gate

Speaks = Literal["any", "tcp", "http", "grpc"]


class Upstream(NamedTuple):
    """A server, and the gate before it; without one nothing is done to what passes.

    `speaks` says what passes: `tcp` is not looked into, `http` is HTTP/1.1, `grpc` is one unary call over HTTP/2 (a
    probe), `any` shows by its first bytes. `connected` is a connection to the server that is there already, for a
    caller that wants to know first whether there is one. `led` is told of the client that is led there, by its address.
    """

    host: str
    port: int
    gate: Gate | None = None
    speaks: Speaks = "any"
    connected: socket.socket | None = None
    led: Callable[[tuple[str, int]], None] | None = None


Choose = Callable[[], Upstream | None]
"""Returns the server for a new connection, or None if there is none."""
