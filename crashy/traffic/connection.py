"""The client's side of one HTTP/1.1 connection: what was answered, and whether all of it came."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

BODY_LIMIT = 65_536  # bytes of a body that are kept; the rest is counted and dropped
_TAIL = 8  # and its last bytes: they hold the end mark of a chunked body


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: `failure` is empty where a whole answer did. `client` is the address that it came to."""

    status: int = 0
    pod: str = ""
    failure: str = ""
    body: bytes = b""
    client: tuple[str, int] = field(default=("", 0), compare=False)


class Connection(asyncio.Protocol):
    """Sends a request at a time, gathers the answer and judges whether it is whole."""

    def __init__(self) -> None:
        self.closed = False
        self._transport: asyncio.Transport
        self._client: tuple[str, int] = ("", 0)
        self._answer: asyncio.Future[Reply] | None = None
        self._begin(b"")

    def _begin(self, request: bytes) -> None:
        self._no_body = request.startswith(b"HEAD ")
        self._data = bytearray()
        self._body = 0  # where the body starts; 0 while the head is still coming
        self._dropped = 0
        self._length: int | None = None
        self._chunked = False
        self._keep = False
        self._status = 0
        self._pod = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the transport."""
        self._transport = transport  # type: ignore[assignment]  # a TCP transport is a Transport
        self._client = tuple(transport.get_extra_info("sockname", ("", 0))[:2])

    def send(self, request: bytes) -> asyncio.Future[Reply]:
        """Send a request; the one before must have been answered."""
        self._begin(request)
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    @property
    def reusable(self) -> bool:
        """Return whether another request can be sent: the last answer was whole, and both sides keep the connection."""
        return self._keep and not self.closed and self._answer is None

    def abort(self) -> None:
        """Close at once."""
        self.closed = True
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Gather."""
        self._data += data
        if not self._body and not self._read_head():
            return
        excess = len(self._data) - self._body - BODY_LIMIT - _TAIL
        if excess > 0:
            del self._data[-_TAIL - excess : -_TAIL]
            self._dropped += excess
        if self._whole():
            self._finish("")

    def _read_head(self) -> bool:
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return False
        status, *fields = bytes(self._data[:end]).decode("latin-1").split("\r\n")
        parts = status.split(" ", 2)
        if not parts[0].startswith("HTTP/1.") or len(parts) < 2 or not parts[1].isdecimal():
            self._finish("malformed")
            return False
        self._status = int(parts[1])
        if 100 <= self._status < 200:
            del self._data[: end + 4]
            return self._read_head()
        self._keep = parts[0] != "HTTP/1.0"
        for line in fields:
            name, _, value = line.partition(":")
            match name.strip().lower():
                case "content-length" if value.strip().isdecimal():
                    self._length = int(value)
                case "transfer-encoding":
                    self._chunked = "chunked" in value.lower()
                case "connection":
                    self._keep = "close" not in value.lower()
                case "x-pod":
                    self._pod = value.strip()
        self._body = end + 4
        return True

    def _whole(self) -> bool:
        if self._no_body or self._status in (204, 304):
            return True
        if self._chunked:
            return self._data.endswith(b"0\r\n\r\n")
        got = len(self._data) - self._body + self._dropped
        return self._length is not None and got >= self._length

    def connection_lost(self, exc: Exception | None) -> None:
        """Judge what has come so far."""
        self.closed = True
        if self._body and self._length is None and not self._chunked and exc is None:
            self._finish("")  # the server marks the end by closing
        else:
            self._finish("truncated" if self._body else "reset")

    def _finish(self, failure: str) -> None:
        answer, self._answer = self._answer, None
        if answer is None or answer.done():
            return
        body = bytes(self._data[self._body :]) if self._body else b""
        answer.set_result(Reply(self._status, self._pod, failure, body, self._client))
        self._keep = self._keep and not failure
