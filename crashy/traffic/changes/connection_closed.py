"""The connection is closed without a response."""

from __future__ import annotations

from crashy.faults.injected import InjectedFault
from crashy.faults.kinds.abort import ConnectionClosed
from crashy.traffic.splice.grpc.link import GrpcLink
from crashy.traffic.splice.http1.exchange import Exchange
from crashy.traffic.splice.tcp import TcpLink


async def http(exchange: Exchange, _change: ConnectionClosed, _by: InjectedFault) -> None:
    """Close the connection."""
    exchange.close()


async def connection(link: TcpLink, _change: ConnectionClosed, _by: InjectedFault) -> None:
    """Close the connection."""
    link.close()


async def grpc(call: GrpcLink, _change: ConnectionClosed, _by: InjectedFault) -> None:
    """Close the connection."""
    call.close()
