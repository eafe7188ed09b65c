"""Servers for probes to ask, each on a port of its own, which say exactly the bytes that a test gives them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

Answer = Callable[[str, bytes], bytes]
"""Gives the bytes to say to a request of a target and a whole head."""

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Talks on one connection, which is closed afterwards."""


@dataclass
class Server:
    """What was asked of it: one head per connection."""

    port: int = 0
    heads: list[bytes] = field(default_factory=list)

    @property
    def targets(self) -> list[str]:
        return [head.split(b" ")[1].decode() for head in self.heads]

    def headers(self, index: int = -1) -> list[str]:
        return self.heads[index].decode().split("\r\n")[1:-2]


@asynccontextmanager
async def serving(
    answer: Answer | bytes, tls: ssl.SSLContext | None = None, *, stay: bool = False
) -> AsyncIterator[Server]:
    """Answer requests on 127.0.0.1; with `stay` the connection is left open until the client goes."""
    server = Server()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.heads.append(await reader.readuntil(b"\r\n\r\n"))
        said = answer if isinstance(answer, bytes) else answer(server.targets[-1], server.heads[-1])
        writer.write(said)
        await writer.drain()
        if stay:
            await reader.read()

    async with talking(talk, tls) as server.port:
        yield server


@asynccontextmanager
async def talking(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Let every connection to a port of 127.0.0.1 be talked to, and leave nothing open at the end."""
    under_way: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        under_way.add(task)
        try:
            await talk(reader, writer)
        except (OSError, EOFError):
            pass
        finally:
            writer.close()
            under_way.discard(task)

    listening = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await listening.wait_closed()


def response(status: int = 200, body: bytes = b"", *headers: str) -> bytes:
    """Write a response as most servers do."""
    lines = [f"HTTP/1.1 {status} Some Reason", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def redirect(location: str, status: int = 302) -> bytes:
    return response(status, b"moved", f"Location: {location}")


def routes(**known: bytes) -> Answer:
    """Answer by the path's last part."""
    return lambda target, _: known.get(urlsplit(target).path.rpartition("/")[2], response(404))
