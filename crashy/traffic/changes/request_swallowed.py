"""Nothing comes back while the fault lasts; then the connection is closed."""

from __future__ import annotations

from crashy.faults.injected import InjectedFault
from crashy.faults.kinds.blackhole import RequestSwallowed
from crashy.traffic.splice.grpc.link import GrpcLink
from crashy.traffic.splice.http1.exchange import Exchange
from crashy.traffic.splice.tcp import TcpLink


async def http(exchange: Exchange, _change: RequestSwallowed, by: InjectedFault) -> None:
    """Drop what the client sends, and close the connection at the end."""
    exchange.swallow()
    await exchange.link.hold_apart(by, then_go_on=False)
    exchange.close()


async def connection(link: TcpLink, _change: RequestSwallowed, by: InjectedFault) -> None:
    """Drop what comes from either side, and close the connection at the end."""
    link.swallow()
    await link.hold(by)
    link.close()


async def grpc(call: GrpcLink, _change: RequestSwallowed, by: InjectedFault) -> None:
    """Wait, and drop the call."""
    await call.hold(by)
    call.drop()
