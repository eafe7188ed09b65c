"""Only the first part of the body is sent, or of what a connection is sent next."""

from __future__ import annotations

from crashy.faults.injected import InjectedFault
from crashy.faults.kinds.truncate import BodyTruncated
from crashy.grpc import PREFIX
from crashy.traffic.splice.grpc.link import GrpcLink
from crashy.traffic.splice.http1.exchange import Exchange
from crashy.traffic.splice.tcp import TcpLink

MOST = 1 << 20
"""Bytes of a body of unknown length that are waited for; one that is longer is cut as if it were so long."""


async def http(exchange: Exchange, change: BodyTruncated, _by: InjectedFault) -> None:
    """Send the head and a part of the body, and close the connection."""
    head = await exchange.response()
    if exchange.bodiless:
        await exchange.pass_on()
        return
    chunked = change.mode == "chunk" and not exchange.request.old
    length, gathered = exchange.framing, b""
    if not isinstance(length, int):
        gathered, _ = await exchange.gather(MOST)
        length = len(gathered)
    promised, left = max(1, length), change.kept(length)
    await exchange.send(head.framed("chunked" if chunked else promised) + (b"%x\r\n" % promised if chunked else b""))
    if gathered:
        await exchange.send(gathered[:left])
    elif left:
        async for part in exchange.body():
            await exchange.send(part[:left])
            left -= len(part)
            if left <= 0:
                break
    exchange.close()


async def connection(link: TcpLink, change: BodyTruncated, _by: InjectedFault) -> None:
    """Cut what the server sends next."""
    link.cut = change


async def grpc(call: GrpcLink, change: BodyTruncated, _by: InjectedFault) -> None:
    """Send a part of the message, and an error."""
    message = await call.message()
    call.begin()
    call.send(message[: PREFIX + change.kept(len(message) - PREFIX)])
    call.drop()
