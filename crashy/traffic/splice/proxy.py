"""Accept connections and splice each to a server that is chosen for it."""

from __future__ import annotations

import asyncio
import socket

from crashy.traffic.splice.ends import End, Stop
from crashy.traffic.splice.gate import Gate
from crashy.traffic.splice.http1.link import HttpLink
from crashy.traffic.splice.sniffed import SniffedLink
from crashy.traffic.splice.tcp import TcpLink
from crashy.traffic.splice.upstream import Choose, Speaks, Upstream

BACKLOG = 1024
CONNECT_TIMEOUT = 30.0  # seconds until a server that does not even refuse counts as one that does


class _Front(End):
    """The client's end: it finds the server."""

    __slots__ = ("_choose", "_dialling")

    def __init__(self, connections: set[End], choose: Choose) -> None:
        super().__init__(connections)
        self._choose = choose
        self._dialling: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        upstream = self._choose()
        if upstream is None or (upstream.gate is not None and upstream.gate.deaf()):
            self.reset()
            return
        loop = asyncio.get_running_loop()
        # Not at once: Debian 12's Python (3.11.2) begins to read after this method, paused or not, and
        # what comes before there is a server would be lost.
        loop.call_soon(self.stop, Stop.DIALLING)
        self._dialling = loop.create_task(self._dial(upstream))

    async def _dial(self, upstream: Upstream) -> None:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                back = await self._connect(upstream)
        except OSError:  # TimeoutError is one
            self.reset()
            return
        finally:
            self._dialling = None
        self.splice(back)
        if upstream.gate is not None:
            watch(upstream.gate, upstream.speaks, self, back)
        if self.transport.is_closing():
            back.close()
        else:
            self.go(Stop.DIALLING)

    async def _connect(self, upstream: Upstream) -> End:
        loop, back = asyncio.get_running_loop(), End(self._connections)
        if upstream.connected:
            await loop.create_connection(lambda: back, sock=upstream.connected)
        else:
            await loop.create_connection(lambda: back, upstream.host, upstream.port)
        return back

    def connection_lost(self, exc: Exception | None) -> None:
        if self._dialling is not None:
            self._dialling.cancel()
        super().connection_lost(exc)


def watch(gate: Gate, speaks: Speaks, front: End, back: End) -> None:
    """Let a gate decide about what passes between two ends."""
    match speaks:
        case "http":
            HttpLink(gate, front, back)
        case "tcp":
            TcpLink(gate, front, back)
        case _:
            SniffedLink(gate, front, back, HttpLink, TcpLink)


class Proxy:
    """Splices each connection accepted on `listener` to the server that `choose` gives for it.

    As with kube-proxy the choice is made per connection, and a connection once made stays when its server leaves the
    Service. With no server, or one that refuses, the client's connection is reset (SO_LINGER 0) right after it was
    accepted; a real node refuses it before that, which a program that stays bound to its port can't do.
    """

    def __init__(self, listener: socket.socket, choose: Choose) -> None:
        self._listener = listener
        self._choose = choose
        self._connections: set[End] = set()
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
        for end in list(self._connections):
            end.transport.abort()
