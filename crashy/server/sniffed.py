"""A connection whose first bytes say which protocol it speaks: HTTP/1.1, or the HTTP/2 of gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_PREFACE = b"PRI * HTTP/2.0"


class Sniffed(asyncio.Protocol):
    """Waits for the first bytes, and leaves the connection to the protocol that they are of."""

    def __init__(self, http: Callable[[], asyncio.Protocol], grpc: Callable[[], asyncio.Protocol]) -> None:
        self._http = http
        self._grpc = grpc
        self._transport: asyncio.Transport
        self._first = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = transport  # type: ignore[assignment]  # a TCP transport is a Transport

    def data_received(self, data: bytes) -> None:
        """Hand the connection on, once its first bytes can only be of one protocol."""
        self._first += data
        if len(self._first) < len(_PREFACE) and _PREFACE.startswith(self._first):
            return
        protocol = self._grpc() if self._first.startswith(_PREFACE) else self._http()
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        protocol.data_received(self._first)
