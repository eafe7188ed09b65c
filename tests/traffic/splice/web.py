"""A small HTTP/1.1 server and client, byte for byte as the tests want them."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

HELLO = b"hello, world"
BIG = bytes(range(256)) * 1200


class Answer(NamedTuple):
    """A response, its body without chunks."""

    status: int
    headers: dict[str, str]
    body: bytes


def get(path: str = "/", *headers: str, method: str = "GET", version: str = "1.1", body: bytes = b"") -> bytes:
    """Write a request."""
    lines = [f"{method} {path} HTTP/{version}", "Host: app", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


class App:
    """Answers by path, and remembers the requests that reached it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes]] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        line, headers = await read_head(reader)
        method, path, version = line.split(" ")
        if "expect" in headers:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await read_body(reader, headers)
        self.asked.append((f"{method} {path}", body))
        keep = version == "HTTP/1.1" and headers.get("connection") != "close"
        match path.partition("?")[0]:
            case "/chunked":
                parts = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (b"one,", b"two,", b"three"))
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + parts + b"0\r\n\r\n")
            case "/close":
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + HELLO)
                return False
            case "/nothing":
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            case "/upgrade":
                writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
                while data := await reader.read(1000):
                    writer.write(data)
                return False
            case "/early":
                writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return False
            case "/odd":
                writer.write(b"this is no HTTP\r\n\r\n")
                return False
            case found:
                text = {"/empty": b"", "/echo": body, "/big": BIG}.get(found, HELLO)
                head = f"HTTP/1.1 200 OK\r\nX-App: yes\r\nContent-Length: {len(text)}\r\n"
                head += "" if keep else "Connection: close\r\n"
                writer.write(head.encode() + b"\r\n" + (b"" if method == "HEAD" else text))
        return keep


async def read_head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
    """Read the first line, and the headers."""
    head = await reader.readuntil(b"\r\n\r\n")
    line, *fields = head.decode().removesuffix("\r\n\r\n").split("\r\n")
    return line, {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}


async def read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    """Read a body by its framing; without one there is none."""
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", "0")))
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return body


async def answer(reader: asyncio.StreamReader, method: str = "GET") -> Answer:
    """Read a response."""
    line, headers = await read_head(reader)
    status = int(line.split(" ")[1])
    bare = method == "HEAD" or status < 200 or status == 204
    if not bare and "content-length" not in headers and "transfer-encoding" not in headers:
        return Answer(status, headers, await reader.read())
    return Answer(status, headers, b"" if bare else await read_body(reader, headers))
