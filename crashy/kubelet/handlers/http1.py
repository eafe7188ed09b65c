"""One HTTP/1.1 exchange on a connection of its own, parsed exactly as strictly as by Go's client.

Source of the rules and texts: Go: src/net/http/transport.go, response.go.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from crashy.chunked import ChunkedBody
from crashy.kubelet.handlers.dial import Dial, authority, connect, errno_text, let_go
from crashy.kubelet.handlers.judge import BROKEN, HTTP_TO_HTTPS, NOT_TLS, WireError, quoted, reset

MAX_HEADER = 1 << 20
"""The most bytes of response headers (Go's limit is ten times that)."""

_PIECE = 1 << 16
_NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}


@dataclass(slots=True)
class Connection:
    """A stream to a server; its I/O errors have Go's texts."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    peer: str

    def close(self) -> None:
        """Close without waiting for the peer."""
        let_go(self.writer.get_extra_info("socket"))
        self.writer.transport.abort()

    async def line(self) -> bytes:
        """Read a line without its end; raises EOFError (with the received part) and WireError."""
        try:
            return (await self.reader.readuntil(b"\n")).rstrip(b"\r\n")
        except asyncio.IncompleteReadError as error:
            raise EOFError(error.partial) from None
        except asyncio.LimitOverrunError:
            raise WireError(f"net/http: server response headers exceeded {MAX_HEADER} bytes; aborted") from None
        except OSError as error:
            raise self._error(error) from None

    async def read(self, size: int) -> bytes:
        """Read what is available, at most `size` bytes; empty at the end of the stream."""
        try:
            return await self.reader.read(size)
        except OSError as error:
            raise self._error(error) from None

    async def exactly(self, size: int) -> bytes:
        """Read exactly `size` bytes; raises WireError, at the end of the stream too."""
        try:
            return await self.reader.readexactly(size)
        except asyncio.IncompleteReadError as error:
            raise WireError("unexpected EOF" if error.partial else "EOF") from None
        except OSError as error:
            raise self._error(error) from None

    def _error(self, error: OSError) -> WireError:
        if isinstance(error, ssl.SSLError):
            return _tls_error(error)
        name = self.writer.get_extra_info("sockname")
        local = authority(*name[:2]) if name else ""
        return WireError(reset(local, self.peer, errno_text(error)))


@dataclass(slots=True)
class Response:
    """Status and headers; the body is not read yet."""

    status: int
    headers: Mapping[str, str]
    connection: Connection = field(repr=False)

    async def body(self, limit: int) -> bytes:
        """Read at most `limit` bytes of the body; raises WireError if it ends early."""
        if self.status in {204, 304}:
            return b""
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            return await self._chunks(limit)
        length = self.headers.get("content-length")
        if length is None:
            return await self._read(limit, exact=False)
        return await self._read(min(int(length), limit))

    async def _read(self, size: int, *, exact: bool = True) -> bytes:
        data = b""
        while len(data) < size:
            if not (more := await self.connection.read(size - len(data))):
                if exact:
                    raise WireError("unexpected EOF")
                break
            data += more
        return data

    async def _chunks(self, limit: int) -> bytes:
        data, chunks = b"", ChunkedBody()
        while len(data) < limit and not chunks.whole:
            if not (more := await self.connection.read(_PIECE)):
                raise WireError("unexpected EOF")
            data += chunks.feed(more)
            if chunks.failure and len(data) < limit and not chunks.whole:
                raise WireError(chunks.failure)
        return data[:limit]


async def open_connection(host: str, port: int, *, tls: bool, dial: Dial) -> Connection:
    """Connect, and with `tls` do a TLS handshake that does not verify the certificate; raises WireError."""
    sock = await connect(host, port, dial)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=MAX_HEADER, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    context = _unverified() if tls else None
    try:
        transport, _ = await loop.create_connection(
            lambda: protocol, sock=sock, ssl=context, server_hostname=host if tls else None
        )
    except ssl.SSLError as error:
        sock.close()
        raise _tls_error(error, sock.first) from None
    except OSError as error:
        sock.close()
        text = "EOF" if not error.errno else f"read tcp {authority(host, port)}: read: {errno_text(error)}"
        raise WireError(text) from None
    except BaseException:
        let_go(sock)
        sock.close()
        raise
    return Connection(reader, asyncio.StreamWriter(transport, protocol, reader, loop), authority(host, port))


def _tls_error(error: ssl.SSLError, first: bytes = b"") -> WireError:
    if error.reason in _NO_TLS:
        return WireError(HTTP_TO_HTTPS if first == b"HTTP/" else NOT_TLS)
    reason = (error.reason or "handshake failure").lower().replace("_", " ")
    return WireError(f"remote error: tls: {reason.rpartition('alert ')[2]}")


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def exchange(connection: Connection, target: str, headers: Sequence[tuple[str, str]]) -> Response:
    """Send a GET and read the response's status and headers; raises WireError."""
    lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
    connection.writer.write("\r\n".join(lines).encode("utf-8", "surrogateescape"))
    for _ in range(6):
        status = await _status(connection)
        fields = await _headers(connection)
        if not 100 <= status < 200 or status == 101:
            return Response(status, fields, connection)
    raise WireError(f"{BROKEN}too many 1xx informational responses")


async def _status(connection: Connection) -> int:
    try:
        line = (await connection.line()).decode("latin-1")
    except EOFError as error:
        line = error.args[0].decode("latin-1")  # Go takes a line without an end for a line
        if not line:
            raise WireError("EOF") from None
    version, space, rest = line.partition(" ")
    code = rest.lstrip(" ").partition(" ")[0]
    if not space:
        raise WireError(f'{BROKEN}malformed HTTP response "{quoted(line)}"')
    if len(code) != 3 or not (code.isascii() and code.isdigit()):
        raise WireError(f'{BROKEN}malformed HTTP status code "{quoted(code)}"')
    if not re.fullmatch(r"HTTP/\d\.\d", version):
        raise WireError(f'{BROKEN}malformed HTTP version "{quoted(version)}"')
    return int(code)


async def _headers(connection: Connection) -> dict[str, str]:
    found: dict[str, str] = {}
    size = 0
    try:
        while line := (await connection.line()).decode("latin-1"):
            size += len(line)
            if size > MAX_HEADER:
                raise WireError(f"net/http: server response headers exceeded {MAX_HEADER} bytes; aborted")
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                raise WireError(f"{BROKEN}malformed MIME header line: {line}")
            found.setdefault(name.lower(), value.strip())
    except EOFError:
        raise WireError(f"{BROKEN}unexpected EOF") from None
    length = found.get("content-length")
    if length is not None and "transfer-encoding" not in found and not (length.isascii() and length.isdigit()):
        raise WireError(f'{BROKEN}bad Content-Length "{quoted(length)}"')
    return found
