"""Accept connections and splice each to a server that is chosen for it."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from typing import cast

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
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self._connections.add(self.transport)

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

    def __init__(self, connections: set[asyncio.Transport], choose: Choose, told: Callable[[str], None]) -> None:
        super().__init__(connections)
        self._choose = choose
        self._told = told
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
        except OSError as error:  # TimeoutError is one
            self._told(_why(error))
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


def _why(error: OSError) -> str:
    """Return why a server can't be reached."""
    if isinstance(error, TimeoutError):
        return f"no connection within {CONNECT_TIMEOUT:g}s"
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)


class Proxy:
    """Splices each connection accepted on `listener` to the endpoint that `choose` gives for it.

    As with kube-proxy the choice is made per connection, and a connection once made stays when its endpoint leaves
    the Service. With no endpoint, or one that refuses, the client's connection is reset (SO_LINGER 0) right after
    it was accepted; a real node refuses it before that, which a program that stays bound to its port can't do.
    Without a listener its owner accepts them, with `connection` for their protocol. `told` is called with why a server
    could not be reached.
    """

    def __init__(
        self, listener: socket.socket | None, choose: Choose, told: Callable[[str], None] = lambda why: None
    ) -> None:
        self._listener = listener
        self._choose = choose
        self._told = told
        self._connections: set[asyncio.Transport] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Accept connections from now on, on its listener."""
        assert self._listener is not None  # noqa: S101 - its owner accepts them otherwise
        self._server = await asyncio.get_running_loop().create_server(
            self.connection, sock=self._listener, backlog=BACKLOG
        )

    def connection(self) -> asyncio.Protocol:
        """Return the protocol of an accepted connection."""
        return _Front(self._connections, self._choose, self._told)

    @property
    def open(self) -> int:
        """The connections that were accepted and are open."""
        return sum(isinstance(transport.get_protocol(), _Front) for transport in self._connections)

    def retire(self) -> None:
        """Stop listening; connections that are there stay."""
        if self._server:
            self._server.close()
        if self._listener:
            self._listener.close()

    def close(self) -> None:
        """Stop listening and end every connection."""
        self.retire()
        for connection in list(self._connections):
            connection.abort()
