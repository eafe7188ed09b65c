"""One proxy with toxics: it accepts connections, and leads each through its toxics to its upstream."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable
from typing import Any

from crashy.server.proxy_patient import Place
from crashy.server.toxiproxy.link import Link
from crashy.server.toxiproxy.problem import BAD_BODY, ApiError
from crashy.server.toxiproxy.toxic import Toxic
from crashy.traffic.splice.proxy import BACKLOG, Proxy
from crashy.traffic.splice.upstream import Upstream

LOOPBACK = "127.0.0.1"


class Address(Place):
    """A host and a port, as clients write them: `127.0.0.1:26379`, `[::]:26379`, `redis:6379`."""

    @classmethod
    def read(cls, given: str, field: str) -> Address:
        """Read an address; raises ApiError."""
        host, colon, port = given.rpartition(":")
        if not colon or not port.isdecimal() or int(port) > 65_535:
            raise ApiError(400, f"{BAD_BODY}: {field}: {given!r} must be HOST:PORT, such as 127.0.0.1:6379")
        return cls(host.removeprefix("[").removesuffix("]"), int(port))


Lead = Callable[[str, int], Upstream]
"""Returns where connections to an upstream lead, and which faults they pass."""


class ToxicProxy:
    """A proxy; it is enabled while it listens. `told` is called with what goes wrong, one line each.

    Faults act between the toxics and the upstream: there a splice of its own, on a port of loopback, takes them.
    """

    def __init__(  # noqa: PLR0917 - all of it
        self,
        name: str,
        listen: Address,
        upstream: Address,
        lead: Lead,
        rng: random.Random,
        told: Callable[[str], None],
    ) -> None:
        self.name = name
        self.listen = listen
        self.upstream = upstream
        self.enabled = False
        self.deaf = False
        """Whether it refuses connections although it is enabled."""
        self.accepted = 0
        """Connections that it has accepted so far."""
        self._lead = lead
        self._rng = rng
        self._told = told
        self._toxics: dict[str, Toxic] = {}
        self._links: set[Link] = set()
        self._server: asyncio.Server | None = None
        self._splice: Proxy | None = None
        self._splice_at = Address(LOOPBACK, 0)

    # --- as it listens

    async def start(self) -> None:
        """Listen, unless it does; raises ApiError where it can't."""
        if self.enabled:
            return
        if not self.deaf:
            await self._listen()
        inner = _bind(Address(LOOPBACK, 0))
        self._splice_at = Address(*inner.getsockname())
        to = self.upstream
        self._splice = Proxy(inner, lambda: self._lead(*to), told=lambda why: self._told(f"{to}: {why}"))
        await self._splice.start()
        self.enabled = True

    async def _listen(self) -> None:
        listener = _bind(self.listen)
        host, port = listener.getsockname()[:2]
        self.listen = Address(host, port)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connection, sock=listener, backlog=BACKLOG)

    def deafen(self) -> None:
        """Refuse connections from now on; those that are open stay."""
        self.deaf = True
        self._close()

    async def hear(self) -> None:
        """Accept connections again; raises ApiError where it can't."""
        self.deaf = False
        if self.enabled:
            await self._listen()

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def stop(self) -> None:
        """Listen no more, and end every connection."""
        self._close()
        for link in list(self._links):
            link.close()
        if self._splice is not None:
            self._splice.close()
            self._splice = None
        self.enabled = False

    async def update(self, listen: Address, upstream: Address, *, enabled: bool) -> None:
        """Change it; another address ends its connections. Raises ApiError, and is then disabled."""
        if (listen, upstream) != (self.listen, self.upstream):
            self.stop()
            self.listen, self.upstream = listen, upstream
        if enabled:
            await self.start()
        else:
            self.stop()

    def _connection(self) -> asyncio.Protocol:
        self.accepted += 1
        link = Link(self.toxics, self._splice_at, self._rng, self._links.discard)
        self._links.add(link)
        return link.front

    @property
    def open(self) -> int:
        """The connections that are open."""
        return len(self._links)

    # --- its toxics

    @property
    def toxics(self) -> list[Toxic]:
        """Its toxics: those upstream first, in each direction in the order in which they act."""
        return sorted(self._toxics.values(), key=lambda toxic: toxic.stream, reverse=True)

    def toxic(self, name: str) -> Toxic:
        """Return one of its toxics; raises ApiError."""
        if name not in self._toxics:
            raise ApiError(404, "toxic not found")
        return self._toxics[name]

    def add(self, toxic: Toxic) -> None:
        """Add a toxic, to open connections too; raises ApiError."""
        if toxic.name in self._toxics:
            raise ApiError(409, "toxic already exists")
        self._toxics[toxic.name] = toxic
        for link in list(self._links):
            link.chains[toxic.stream].add(toxic)

    def change(self, toxic: Toxic, document: dict[str, Any]) -> None:
        """Change a toxic, on open connections too; raises ApiError."""
        toxic.update(document)
        for link in list(self._links):
            link.chains[toxic.stream].change(toxic)

    def remove(self, toxic: Toxic) -> None:
        """Remove a toxic, from open connections too."""
        del self._toxics[toxic.name]
        for link in list(self._links):
            link.chains[toxic.stream].remove(toxic)

    def to_json(self) -> dict[str, Any]:
        """Describe it as clients read it."""
        return {
            "name": self.name,
            "listen": str(self.listen),
            "upstream": str(self.upstream),
            "enabled": self.enabled,
            "toxics": [toxic.to_json() for toxic in self.toxics],
        }


def _bind(address: Address) -> socket.socket:
    """Bind the first address of a host, an IPv4 one if it has one; raises ApiError."""
    try:
        found = socket.getaddrinfo(address.host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, where = min(found, key=lambda one: one[0] != socket.AF_INET)
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(where)
        except OSError:
            sock.close()
            raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ApiError(500, f"listen tcp {address}: {reason}") from None
    return sock
