"""The sockets that a plane listens on: bound once, closed and reopened by a fault."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from aiohttp import web

from crashy.errors import BadInput
from crashy.server.patient import Patient

if TYPE_CHECKING:
    import ssl

_BACKLOG = 1024
_RETRY_SECONDS = 0.05

# A malformed request is the client's mistake: it gets one log line, not a traceback.
_SILENT = logging.Logger("crashy.server", logging.CRITICAL)


class HttpConnection(web.RequestHandler):
    """A connection whose responses to malformed requests, which no app handles, have X-Pod and an event too."""

    __slots__ = ("_patient",)

    def __init__(self, server: web.Server, patient: Patient) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), access_log=_SILENT, logger=_SILENT)
        self._patient = patient

    def close(self) -> None:
        """Close the connection after the request that it has, or at once if it waits for one."""
        super().close()
        if self._current_request is None and not self._messages and self.transport is not None:
            self.transport.close()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Return the response to a malformed request."""
        response = super().handle_error(request, status, exc, message)
        response.headers["X-Pod"] = self._patient.identity.pod
        client = self._patient.begin_request(request.headers.get("User-Agent", ""), counted=False)
        self._patient.end_request(request.method, request.path, client, status, 0.0, request.remote, counted=False)
        return response


def bind(host: str, port: int) -> list[socket.socket]:
    """Bind a port on each address of a host; raises OSError.

    Port 0 is the same free port on each; `::` accepts IPv4 too.
    """
    # As bytes: for a str Python first loads its tables of international names, which settings.HOST doesn't allow.
    found = socket.getaddrinfo(host.encode(), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    bound: list[socket.socket] = []
    try:
        for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
            sock = socket.socket(family, socket.SOCK_STREAM)
            bound.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(host != "::"))
            taken = port or (bound[0].getsockname()[1] if len(bound) > 1 else 0)
            sock.bind((address[0], taken, *address[2:]))
    except OSError:
        for sock in bound:
            sock.close()
        raise
    return bound


class Listeners:
    """The ports of one plane, on its own loop.

    Call `bind`, then `listen`; faults call `close` and `reopen`, `pause` and `resume`.
    """

    def __init__(
        self,
        patient: Patient,
        setting: str,
        host: str,
        ports: Sequence[int],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._patient = patient
        self.setting = setting
        """The setting that names the ports."""
        self._host = host
        self._wanted = ports
        self._tls = tls
        self._pauses = 0
        self._connection: Callable[[], asyncio.Protocol] | None = None
        self._sockets: list[socket.socket] = []
        self._listening: list[asyncio.Server] = []
        self._closed = 0  # how often, less how often it was reopened
        self._reopening: asyncio.Task[None] | None = None
        self.ports: tuple[int, ...] = ()
        """The ports that are bound."""

    def bind(self) -> None:
        """Bind every port that is free; raises BadInput if none is."""
        errors = []
        ports = []
        for port in self._wanted:
            try:
                sockets = bind(self._host, port)
            except OSError as error:
                if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
                    message = f"HOST: {self._host}: must be an address or a name of this machine: {error.strerror}"
                    raise BadInput(message) from None
                errors.append(f"{self.setting}: {port}: can't be bound on {self._host}: {error.strerror}")
            else:
                self._sockets += sockets
                ports.append(sockets[0].getsockname()[1])
        if not ports:
            raise BadInput(*errors)
        for message in errors:
            self._patient.add_event("Skipped", message, level="warning")
        self.ports = tuple(ports)

    async def listen(self, connection: Callable[[], asyncio.Protocol]) -> None:
        """Listen on the bound ports, unless closed; `connection` makes the protocol of each connection."""
        self._connection = connection
        if not self._closed:
            await self._open()

    async def _open(self) -> None:
        if self._connection is None:
            return
        if self._pauses:
            for sock in self._sockets:
                sock.listen(_BACKLOG)
            return
        loop = asyncio.get_running_loop()
        while self._sockets:
            self._listening.append(
                await loop.create_server(self._connection, sock=self._sockets.pop(), backlog=_BACKLOG, ssl=self._tls)
            )

    def close(self) -> None:
        """Stop listening: new connections are refused."""
        self._closed += 1
        if self._reopening is not None:
            self._reopening.cancel()
        for listening in self._listening:
            listening.close()
        self._listening.clear()
        if self._connection is not None:  # else they are not listened on yet
            while self._sockets:
                self._sockets.pop().close()

    def pause(self) -> None:
        """Take no more connections: the kernel accepts them, as many as its queue holds. Each needs a `resume`."""
        self._pauses += 1
        for listening in self._listening:
            # The kernel's queue lives as long as one descriptor of the socket does.
            self._sockets += [socket.socket(fileno=os.dup(sock.fileno())) for sock in listening.sockets]
            listening.close()
        self._listening.clear()

    def resume(self) -> None:
        """Take connections again, those that have waited first, once each `pause` is over."""
        self._pauses -= 1
        if not self._pauses and not self._closed:
            self._reopening = asyncio.get_running_loop().create_task(self._open())

    def reopen(self) -> None:
        """Listen again, once it was reopened as often as closed."""
        self._closed -= 1
        if self._closed:
            return
        self._reopening = asyncio.get_running_loop().create_task(self._reopen())

    async def _reopen(self) -> None:
        for port in () if self._sockets else self.ports:
            self._sockets += await self._bind_again(port)
        await self._open()

    async def _bind_again(self, port: int) -> list[socket.socket]:
        reported = False
        while True:
            try:
                return bind(self._host, port)
            except OSError as error:  # uvloop closes a socket a moment later; or the port is in use
                if not reported:
                    self._patient.add_event("RebindFailed", f"port {port}: {error.strerror}; retrying", level="warning")
                reported = True
            await asyncio.sleep(_RETRY_SECONDS)


def http(runner: web.AppRunner, patient: Patient) -> Callable[[], HttpConnection]:
    """Return the factory of connections to a web app that was set up."""
    server = runner.server
    assert server is not None  # noqa: S101 - setup() has made it
    return lambda: HttpConnection(server, patient)


def url(host: str, port: int) -> str:
    """Return the URL of a port."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
