"""The body comes when the fault has ended."""

from __future__ import annotations

from crashy.faults.injected import InjectedFault
from crashy.faults.kinds.stall_body import BodyStalled
from crashy.traffic.splice.grpc.link import GrpcLink
from crashy.traffic.splice.http1.exchange import Exchange


async def http(exchange: Exchange, _change: BodyStalled, by: InjectedFault) -> None:
    """Send the head, wait, and send the body; an empty one as a chunked body whose end is late."""
    head = await exchange.response()
    empty = exchange.framing == 0 and not exchange.bodiless and not exchange.request.old
    await exchange.send(head.framed("chunked") if empty else head.raw)
    if not exchange.bodiless:
        await exchange.link.hold(by)
    if empty:
        await exchange.send(b"0\r\n\r\n")
    await exchange.pass_body()


async def grpc(call: GrpcLink, _change: BodyStalled, by: InjectedFault) -> None:
    """Send the headers, wait, and send the message."""
    message = await call.message()
    call.begin()
    await call.hold(by)
    call.send(message)
    call.finish()
