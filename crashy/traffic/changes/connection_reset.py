"""The client's connection is reset without a response."""

from __future__ import annotations

from crashy.faults.injected import InjectedFault
from crashy.faults.kinds.reset import ConnectionReset
from crashy.traffic.splice.grpc.link import GrpcLink
from crashy.traffic.splice.http1.exchange import Exchange
from crashy.traffic.splice.tcp import TcpLink


async def http(exchange: Exchange, _change: ConnectionReset, _by: InjectedFault) -> None:
    """Reset the connection."""
    exchange.reset()


async def connection(link: TcpLink, _change: ConnectionReset, _by: InjectedFault) -> None:
    """Reset the connection."""
    link.reset()


async def grpc(call: GrpcLink, _change: ConnectionReset, _by: InjectedFault) -> None:
    """Reset the connection."""
    call.reset()
