"""A reader of chunked bodies (RFC 9112, 7.1), fed in pieces of any size; its errors are those of Go's client.

Source of the errors: Go: src/net/http/internal/chunked.go.
"""

from __future__ import annotations

import re
from collections.abc import Generator

MAX_LINE = 4096
"""A line between chunks must have fewer bytes, its end included."""


class ChunkedBody:
    """Reads one body: `whole` after its last chunk, `ended` after its trailers.

    `failure` is the error in it, after which nothing more is read.
    """

    def __init__(self) -> None:
        self.whole = False
        self.ended = False
        self.failure = ""
        self._pending = bytearray()
        self._parts = self._read()

    def feed(self, data: bytes) -> bytes:
        """Return the part of the body that these bytes contain."""
        self._pending += data
        body = bytearray()
        try:
            while part := next(self._parts, b""):
                body += part
        except ValueError as error:
            self.failure = str(error)
        return bytes(body)

    @property
    def rest(self) -> bytes:
        """What came after the body's end."""
        return bytes(self._pending)

    def _read(self) -> Generator[bytes, None, None]:
        """Yield the body's parts, and an empty one whenever more bytes are needed."""
        while left := _size((yield from self._line())):
            while left:
                part = bytes(self._pending[:left])
                del self._pending[:left]
                left -= len(part)
                yield part
            if (yield from self._line()):
                raise ValueError("malformed chunked encoding")
        self.whole = True
        while (yield from self._line()):
            pass  # a trailer
        self.ended = True

    def _line(self) -> Generator[bytes, None, bytes]:
        while (size := self._pending.find(b"\n") + 1) == 0 and len(self._pending) < MAX_LINE:
            yield b""
        if not 0 < size < MAX_LINE:
            raise ValueError("header line too long")
        line = bytes(self._pending[:size]).rstrip(b"\r\n")
        del self._pending[:size]
        return line


def _size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    if not re.fullmatch(rb"[0-9a-fA-F]{1,16}", digits):
        raise ValueError("invalid byte in chunk length" if digits else "empty hex number for chunk length")
    return int(digits, 16)
