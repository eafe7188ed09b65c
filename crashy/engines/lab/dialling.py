"""Connections that a program of the lab opens by itself, led through a gate: by a listener of its own on loopback."""

from __future__ import annotations

import select
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from crashy.engines.lab.addresses import ANY_HOST
from crashy.kubelet.handlers.dial import Dial
from crashy.traffic.splice.gate import Gate
from crashy.traffic.splice.proxy import Proxy
from crashy.traffic.splice.upstream import Upstream

_ACCEPTED_WITHIN = 10  # ms that the kernel of this machine needs, unless the queue of the listener is full


@asynccontextmanager
async def gated(
    dial: Dial, host: str, gate: Gate | None, speaks: Literal["any", "grpc"] = "any"
) -> AsyncIterator[Dial]:
    """Return how to dial while no other does: what goes to `host` passes the gate, if it may do anything.

    Who listens there is connected first, so that a port where nobody does refuses the connection here too.
    """
    if gate is None or (gate.quiet() and not gate.deaf()):
        yield dial
        return
    listener, deaf = _bound(), _bound()
    listener.listen(8)
    chosen: list[Upstream] = []
    proxy = Proxy(listener, lambda: chosen.pop() if chosen else None)
    await proxy.start()

    def through(to: str, port: int) -> tuple[str, int]:
        place = dial(to, port)
        if to != host:
            return place
        if gate.deaf():
            return _place(deaf)
        connected = _connect(place)
        if connected is None:
            return place
        chosen.append(Upstream(*place, gate, speaks, connected))
        return _place(listener)

    try:
        yield through
    finally:
        proxy.close()
        deaf.close()
        for left in chosen:
            if left.connected:
                left.connected.close()


def _bound() -> socket.socket:
    made = socket.socket()
    made.bind((ANY_HOST, 0))
    return made


def _place(bound: socket.socket) -> tuple[str, int]:
    host, port = bound.getsockname()
    return host, port


def _connect(place: tuple[str, int]) -> socket.socket | None:
    """Connect; return None where the kernel refuses that, or can't do it at once."""
    made = socket.socket()
    made.setblocking(False)
    made.connect_ex(place)
    waiting = select.poll()
    waiting.register(made, select.POLLOUT)
    if not waiting.poll(_ACCEPTED_WITHIN) or made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        made.close()
        return None
    return made
