"""A server of Toxiproxy's API on real sockets, with what it leads to."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from crashy.server.toxiproxy.api import Api
from crashy.server.toxiproxy.proxies import Proxies
from crashy.traffic.splice.upstream import Upstream
from tests.traffic.splice.passing import echo as send_back

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
DEADLINE = 20.0


class Toxiproxy:
    """The API, asked as a client of it asks."""

    def __init__(self, client: TestClient[Any, Any]) -> None:
        self._client = client
        self.told: list[tuple[str, str]] = []

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Return the status and the document of a response."""
        given = {} if body is None else {"data": body} if isinstance(body, str) else {"json": body}
        async with self._client.request(method, path, headers=headers, **given) as response:
            text = await response.text()
            return response.status, await response.json() if text else None

    async def create(self, upstream: str, name: str = "one", **more: Any) -> Any:
        """Create a proxy and return it."""
        status, made = await self.ask(
            "POST", "/proxies", {"name": name, "listen": "127.0.0.1:0", "upstream": upstream} | more
        )
        assert status == 201, made
        return made

    async def toxic(self, kind: str, stream: str = "downstream", toxicity: float = 1, **attributes: int) -> None:
        """Add a toxic to the proxy `one`."""
        document = {"type": kind, "stream": stream, "toxicity": toxicity, "attributes": attributes}
        status, made = await self.ask("POST", "/proxies/one/toxics", document)
        assert status == 200, made


@asynccontextmanager
async def toxiproxy(token: str | None = None) -> AsyncIterator[Toxiproxy]:
    """Serve the API, with proxies that no faults of ours act on."""
    told: list[tuple[str, str]] = []
    proxies = Proxies("127.0.0.1", Upstream, random.Random(1), lambda name, why: told.append((name, why)))
    try:
        async with TestClient(TestServer(Api(proxies, token).app())) as client:
            served = Toxiproxy(client)
            served.told = told
            yield served
    finally:
        proxies.close()
        await asyncio.sleep(0)


class Client:
    """Connects to addresses as the API writes them, and closes the connections at its end."""

    def __init__(self) -> None:
        self._open: list[asyncio.StreamWriter] = []

    async def connect(self, address: str) -> Streams:
        """Connect."""
        host, _, port = address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        self._open.append(writer)
        return reader, writer

    def close(self) -> None:
        """Close every connection."""
        for writer in self._open:
            writer.transport.abort()


@asynccontextmanager
async def echo() -> AsyncIterator[str]:
    """Run a server that sends back what comes, and return its address."""
    server = await asyncio.start_server(send_back, "127.0.0.1", 0)
    try:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"
    finally:
        server.close()
