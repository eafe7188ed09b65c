"""Bytes of the body are flipped."""

from __future__ import annotations

from crashy.faults.injected import InjectedFault
from crashy.faults.kinds.corrupt import BodyCorrupted
from crashy.grpc import PREFIX
from crashy.traffic.splice.grpc.link import GrpcLink
from crashy.traffic.splice.http1.exchange import Exchange

MOST = 1 << 20
"""Bytes that are flipped together, of a body whose length is known; of others, as they come."""


async def http(exchange: Exchange, change: BodyCorrupted, _by: InjectedFault) -> None:
    """Flip bytes of the body, whose length and framing stay."""
    head = await exchange.response()
    await exchange.send(head.raw)
    waiting, left = bytearray(), exchange.framing if isinstance(exchange.framing, int) else 0
    async for part in exchange.body():
        waiting += part
        left -= len(part)
        if left <= 0 or len(waiting) >= MOST:
            flipped = change.apply(bytes(waiting))
            chunked = exchange.framing == "chunked"
            await exchange.send(b"%x\r\n%s\r\n" % (len(flipped), flipped) if chunked else flipped)
            waiting.clear()
    if exchange.framing == "chunked":
        await exchange.send(b"0\r\n\r\n")


async def grpc(call: GrpcLink, _change: BodyCorrupted, _by: InjectedFault) -> None:
    """Send the message with every bit inverted: as protobuf it has a number without an end."""
    message = await call.message()
    call.begin()
    call.send(message[:PREFIX] + bytes(byte ^ 0xFF for byte in message[PREFIX:]))
    call.finish()
