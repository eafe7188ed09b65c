"""One HTTP request: on a connection of its own, as curl and wget send it, or on one that is kept."""

from __future__ import annotations

import asyncio
import errno
import socket
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from crashy.errors import BadInput
from crashy.traffic.connection import Connection, Reply


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes and what it says."""

    url: str
    host: str
    port: int
    head: bytes

    @classmethod
    def of(
        cls, url: str, *, method: str = "GET", headers: tuple[tuple[str, str], ...] = (), keepalive: bool = False
    ) -> Target:
        """Read an http URL; raises BadInput that says what is wrong with it."""
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            port = 80 if parts.port is None else parts.port
        except ValueError as error:
            raise BadInput(f"URL: {url!r}: {error}") from None
        if not url.isascii() or not url.isprintable() or " " in url:
            raise BadInput(f"URL: {url!r}: must be written as in a URL: ASCII, without spaces")
        if parts.scheme != "http" or not parts.hostname:
            raise BadInput(f"URL: {url!r}: must be http://HOST[:PORT][/PATH]")
        own = (("Connection", "keep-alive" if keepalive else "close"), *headers)
        return cls(url, parts.hostname, port, _head(parts, method, own))


def _head(parts: SplitResult, method: str, headers: tuple[tuple[str, str], ...]) -> bytes:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    fields = {"host": ("Host", parts.netloc.rpartition("@")[2]), "user-agent": ("User-Agent", "crashy-traffic")}
    fields["accept"] = ("Accept", "*/*")
    fields |= {name.lower(): (name, value) for name, value in headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.values())]
    text = "\r\n".join([*lines, "", ""])
    if any(ord(c) < 32 and c not in "\r\n" for c in text) or len(text.split("\r\n")) != len(lines) + 2:
        raise BadInput(f"request: {text!r}: control characters are not allowed")
    return text.encode()


_FAILURES = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.ETIMEDOUT: "timeout",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.EADDRNOTAVAIL: "no-address",
    errno.EMFILE: "no-descriptors",
}


async def ask(target: Target, timeout: float) -> Reply:
    """Send one request and return what came back within `timeout` seconds; a failure is a reply, never an exception."""
    return await _ask(target, timeout, [])


class KeptConnections:
    """Asks one target over connections that are kept: whoever has one stays with its pod, ready or not.

    The connection that was used last is used next; a new one is made only while all others are busy.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._idle: list[Connection] = []

    async def ask(self, timeout: float) -> Reply:
        """Send one request and return what came back within `timeout` seconds."""
        return await _ask(self._target, timeout, self._idle)

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().abort()


async def _ask(target: Target, timeout: float, idle: list[Connection]) -> Reply:
    connection: Connection | None = None
    reply = Reply(failure="timeout")
    try:
        async with asyncio.timeout(timeout):
            while idle and connection is None:
                kept = idle.pop()
                connection = None if kept.closed else kept
            if connection is None:
                loop = asyncio.get_running_loop()
                _, connection = await loop.create_connection(Connection, target.host, target.port)
            reply = await connection.send(target.head)
    except TimeoutError:
        pass
    except socket.gaierror:
        reply = Reply(failure="dns")
    except OSError as error:
        reply = Reply(failure=_FAILURES.get(error.errno or 0, "other"))
    finally:
        if connection is not None:
            if connection.reusable:
                idle.append(connection)
            else:
                connection.abort()
    return reply
