"""Accept connections and splice each to a server that is chosen for it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from functools import partial

from crashy.traffic.splice.ends import End, Stop
from crashy.traffic.splice.gate import Gate
from crashy.traffic.splice.http1.link import HttpLink
from crashy.traffic.splice.link import Redial
from crashy.traffic.splice.sniffed import SniffedLink
from crashy.traffic.splice.tcp import TcpLink
from crashy.traffic.splice.upstream import Choose, Speaks, Upstream

BACKLOG = 1024
CONNECT_TIMEOUT = 30.0  # seconds until a server that does not even refuse counts as one that does


class _Back(End):
    """The server's end, spliced before it reads: a server may speak first."""

    __slots__ = ("_reached",)

    def __init__(self, connections: set[End], reached: Callable[[End], None]) -> None:
        super().__init__(connections)
        self._reached = reached

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._reached(self)


class _Front(End):
    """The client's end: it finds the server."""

    __slots__ = ("_choose", "_dialling", "_early", "_told")

    def __init__(self, connections: set[End], choose: Choose, told: Callable[[str], None]) -> None:
        super().__init__(connections)
        self._choose = choose
        self._told = told
        self._dialling: asyncio.Task[None] | None = None
        self._early = b""
        self.flow = self._keep

    def _keep(self, data: bytes) -> None:
        """Keep what event loops read before they stop reading."""
        self._early += data

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        upstream = self._choose()
        if upstream is None or (upstream.gate is not None and upstream.gate.deaf()):
            self.reset()
            return
        if upstream.led is not None:
            upstream.led(transport.get_extra_info("peername")[:2])
        loop = asyncio.get_running_loop()
        # Not at once: Debian 12's Python (3.11.2) begins to read after this method, paused or not.
        loop.call_soon(self._read_later)
        self._dialling = loop.create_task(self._dial(upstream))

    def _read_later(self) -> None:
        if self._dialling is not None:
            self.stop(Stop.DIALLING)

    async def _dial(self, upstream: Upstream) -> None:
        back = _Back(self._connections, lambda end: self._reached(end, upstream))
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                if upstream.connected:
                    await loop.create_connection(lambda: back, sock=upstream.connected)
                else:
                    await loop.create_connection(lambda: back, upstream.host, upstream.port)
        except (OSError, UnicodeError) as error:  # TimeoutError is an OSError
            self._told(_why(error))
            self.reset()

    def _reached(self, back: End, upstream: Upstream) -> None:
        self._dialling = None
        self.splice(back)
        if upstream.gate is not None:
            watch(upstream.gate, upstream.speaks, self, back, partial(self._again, upstream))
        if self.transport.is_closing():
            back.close()
            return
        if self._early:
            self.flow(self._early)
            self._early = b""
        if self.ended:
            super().eof_received()
        self.go(Stop.DIALLING)

    async def _again(self, upstream: Upstream, reached: Callable[[End], None]) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await loop.create_connection(lambda: _Back(self._connections, reached), upstream.host, upstream.port)
        except OSError as error:
            self._told(_why(error))
            raise

    def eof_received(self) -> bool:
        if self._dialling is None:
            return super().eof_received()
        self.ended = True
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if self._dialling is not None:
            self._dialling.cancel()
        super().connection_lost(exc)


def watch(gate: Gate, speaks: Speaks, front: End, back: End, redial: Redial) -> None:
    """Let a gate decide about what passes between two ends."""
    match speaks:
        case "http":
            HttpLink(gate, front, back, redial)
        case "grpc":
            from crashy.traffic.splice.grpc.link import GrpcLink  # noqa: PLC0415 - few need it

            GrpcLink(gate, front, back)
        case "tcp":
            TcpLink(gate, front, back)
        case _:
            SniffedLink(gate, front, back, partial(HttpLink, redial=redial), TcpLink)


def _why(error: OSError | UnicodeError) -> str:
    """Return why a server can't be reached."""
    if isinstance(error, UnicodeError):
        return "its name is none that could be looked up"
    if isinstance(error, TimeoutError):
        return f"no connection within {CONNECT_TIMEOUT:g}s"
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)


class Proxy:
    """Splices each connection accepted on `listener` to the server that `choose` gives for it.

    As with kube-proxy the choice is made per connection, and a connection once made stays when its server leaves the
    Service. With no server, or one that refuses, the client's connection is reset (SO_LINGER 0) right after it was
    accepted; a real node refuses it before that, which a program that stays bound to its port can't do.
    Without a listener its owner accepts them, with `connection` for their protocol. `told` is called with why a server
    could not be reached.
    """

    def __init__(
        self, listener: socket.socket | None, choose: Choose, told: Callable[[str], None] = lambda why: None
    ) -> None:
        self._listener = listener
        self._choose = choose
        self._told = told
        self._connections: set[End] = set()
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
        return sum(isinstance(end, _Front) for end in self._connections)

    def retire(self) -> None:
        """Stop listening; connections that are there stay."""
        if self._server:
            self._server.close()
        if self._listener:
            self._listener.close()

    def close(self) -> None:
        """Stop listening and end every connection."""
        self.retire()
        for end in list(self._connections):
            end.transport.abort()
