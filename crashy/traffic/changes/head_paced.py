"""The status line and the headers are sent in pieces."""

from __future__ import annotations

from crashy.faults.injected import InjectedFault
from crashy.faults.kinds.slow_headers import HeadPaced
from crashy.traffic.splice.grpc.link import GrpcLink
from crashy.traffic.splice.http1.exchange import Exchange


async def http(exchange: Exchange, change: HeadPaced, by: InjectedFault) -> None:
    """Send the head a piece at a time, then the body, and close the connection."""
    head = await exchange.response()
    await exchange.pace(by, head.closing(), change.over)
    await exchange.pass_body()
    exchange.close()


async def grpc(call: GrpcLink, change: HeadPaced, by: InjectedFault) -> None:
    """Send the headers, which are one frame, and the message that much later."""
    message = await call.message()
    await call.wait(by, change.over)
    call.begin()
    call.send(message)
    call.finish()
