"""The body is sent in pieces, or all that a connection is sent."""

from __future__ import annotations

from crashy.faults.injected import InjectedFault
from crashy.faults.kinds.drip import BodyPaced
from crashy.grpc import PREFIX
from crashy.traffic.splice.grpc.link import GrpcLink
from crashy.traffic.splice.http1.exchange import Exchange
from crashy.traffic.splice.shapes import Downstream
from crashy.traffic.splice.tcp import TcpLink

MOST = 1 << 20
"""Bytes of a body that are waited for, to know how long it is; what is more follows at once, or at its rate."""


async def http(exchange: Exchange, change: BodyPaced, by: InjectedFault) -> None:
    """Send the head, and the body a piece at a time."""
    head = await exchange.response()
    await exchange.send(head.raw)
    if change.rate:
        exchange.slow(by, Downstream(change.rate))
        await exchange.pass_body()
        return
    waiting = bytearray()
    async for _, data in exchange.raw():
        waiting += data
        if len(waiting) > MOST:
            break
    await exchange.pace(by, bytes(waiting), change.over)
    await exchange.pass_body()


async def connection(link: TcpLink, change: BodyPaced, by: InjectedFault) -> None:
    """Slow what the server sends."""
    if change.rate:
        link.shapes.add(by, Downstream(change.rate))


async def grpc(call: GrpcLink, change: BodyPaced, by: InjectedFault) -> None:
    """Send the headers, and the message as late as its last byte would come."""
    message = await call.message()
    call.begin()
    await call.wait(by, change.seconds(len(message) - PREFIX))
    call.send(message)
    call.finish()
