"""Accept connections and splice each to a server that is chosen for it."""

from __future__ import annotations

import asyncio
import socket
import struct

from crashy.traffic.splice.upstream import Choose, Upstream

BACKLOG = 1024
CONNECT_TIMEOUT = 30.0  # seconds until an endpoint that does not even refuse counts as one that does
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class _Half(asyncio.Protocol):
    """One side of a spliced connection: what it reads, the other side writes, no faster than that is taken."""

    transport: asyncio.Transport
    other: _Half | None = None
    ended = False  # it has no more to say

    def __init__(self, connections: set[asyncio.Transport]) -> None:
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP
        self.transport = transport
        self._connections.add(transport)

    def data_received(self, data: bytes) -> None:
        if self.other:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        self.ended = True
        if self.other and not self.other.transport.is_closing():
            self.other.transport.write_eof()
        return not (self.other and self.other.ended)  # while the other has more to say, this connection stays

    def pause_writing(self) -> None:
        if self.other:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self.transport)
        if self.other:
            if exc:
                reset(self.other.transport)
            else:
                self.other.transport.close()


class _Front(_Half):
    """The client's side: it finds the endpoint."""

    def __init__(self, connections: set[asyncio.Transport], choose: Choose) -> None:
        super().__init__(connections)
        self._choose = choose
        self._dialling: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        upstream = self._choose()
        if upstream is None or (upstream.gate is not None and upstream.gate.deaf()):
            reset(self.transport)
            return
        loop = asyncio.get_running_loop()
        # Not at once: Debian 12's Python (3.11.2) begins to read after this method, paused or not, and
        # what comes before there is an endpoint would be lost.
        loop.call_soon(self.transport.pause_reading)
        self._dialling = loop.create_task(self._dial(upstream))

    async def _dial(self, upstream: Upstream) -> None:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                back = await self._connect(upstream)
        except OSError:  # TimeoutError is one
            reset(self.transport)
            return
        self.other, back.other = back, self
        if self.transport.is_closing():
            back.transport.close()
        else:
            self.transport.resume_reading()

    async def _connect(self, upstream: Upstream) -> _Half:
        loop, back = asyncio.get_running_loop(), _Half(self._connections)
        if upstream.connected:
            await loop.create_connection(lambda: back, sock=upstream.connected)
        else:
            await loop.create_connection(lambda: back, upstream.host, upstream.port)
        return back

    def connection_lost(self, exc: Exception | None) -> None:
        if self._dialling:
            self._dialling.cancel()
        super().connection_lost(exc)


def reset(transport: asyncio.Transport) -> None:
    """Close a connection with a RST, so that its peer sees an error rather than an end."""
    sock: socket.socket | None = transport.get_extra_info("socket")
    if sock is not None and not transport.is_closing():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


class Proxy:
    """Splices each connection accepted on `listener` to the endpoint that `choose` gives for it.

    As with kube-proxy the choice is made per connection, and a connection once made stays when its endpoint leaves
    the Service. With no endpoint, or one that refuses, the client's connection is reset (SO_LINGER 0) right after
    it was accepted; a real node refuses it before that, which a program that stays bound to its port can't do.
    """

    def __init__(self, listener: socket.socket, choose: Choose) -> None:
        self._listener = listener
        self._choose = choose
        self._connections: set[asyncio.Transport] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Accept connections from now on."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Front(self._connections, self._choose), sock=self._listener, backlog=BACKLOG
        )

    def retire(self) -> None:
        """Stop listening; connections that are there stay."""
        if self._server:
            self._server.close()
        self._listener.close()

    def close(self) -> None:
        """Stop listening and end every connection."""
        self.retire()
        for connection in list(self._connections):
            connection.abort()
