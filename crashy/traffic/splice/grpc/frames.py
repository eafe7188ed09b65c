"""HTTP/2 frames (RFC 9113, 4): read as they pass, and written for an answer in the app's place.

The answer's header fields are literals that no table needs to know (RFC 7541, 6.2.2), so that it can be written without
having read those before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEAD = 9
_LARGEST = 1 << 14  # until a peer's settings allow more, which ours don't
_SEVEN = 0x7F


class Kind(IntEnum):
    """The kinds of frames that matter here."""

    DATA = 0
    HEADERS = 1
    RST_STREAM = 3
    CONTINUATION = 9


END_STREAM, END_HEADERS, PADDED = 0x1, 0x4, 0x8
INTERNAL_ERROR = 2


class Frame(NamedTuple):
    """A frame; `raw` is all of it as it came."""

    kind: int
    flags: int
    stream: int
    raw: bytes

    @property
    def ends(self) -> bool:
        """Whether it is the last of its stream."""
        ended = self.kind in {Kind.DATA, Kind.HEADERS} and bool(self.flags & END_STREAM)
        return ended or self.kind == Kind.RST_STREAM

    @property
    def data(self) -> bytes:
        """The payload of a DATA frame, without padding."""
        payload = self.raw[_HEAD:]
        return payload[1 : len(payload) - payload[0]] if self.flags & PADDED else payload


class Frames:
    """Reads frames from what comes in pieces of any size; `lost` once it can't be HTTP/2."""

    def __init__(self, preface: bytes = b"") -> None:
        self.lost = False
        self._preface = preface
        self._pending = b""

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that these bytes complete; a preface is one of no kind."""
        frames: list[Frame] = []
        self._pending += data
        while not self.lost and (frame := self._next()):
            frames.append(frame)
            self._pending = self._pending[len(frame.raw) :]
        return frames

    def rest(self) -> bytes:
        """Take what is no whole frame."""
        rest, self._pending = self._pending, b""
        return rest

    def _next(self) -> Frame | None:
        data, preface = self._pending, self._preface
        if preface:
            self.lost = not preface.startswith(data[: len(preface)])
            if self.lost or len(data) < len(preface):
                return None
            self._preface = b""
            return Frame(-1, 0, 0, preface)
        if len(data) < _HEAD:
            return None
        size = int.from_bytes(data[:3])
        self.lost = size > _LARGEST
        if self.lost or len(data) < _HEAD + size:
            return None
        return Frame(data[3], data[4], int.from_bytes(data[5:_HEAD]) & 0x7FFFFFFF, data[: _HEAD + size])


def frame(kind: Kind, stream: int, payload: bytes, flags: int = 0) -> bytes:
    """Write a frame."""
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


def data(stream: int, payload: bytes) -> bytes:
    """Write a message's bytes."""
    return b"".join(
        frame(Kind.DATA, stream, payload[at : at + _LARGEST]) for at in range(0, len(payload) or 1, _LARGEST)
    )


def headers(stream: int, fields: Iterable[tuple[str, str]], *, last: bool = False) -> bytes:
    """Write header fields, the last frame of a stream or not."""
    block = b"".join(b"\0" + _text(name) + _text(value) for name, value in fields)
    parts = [block[at : at + _LARGEST] for at in range(0, len(block), _LARGEST)]
    kinds = [Kind.HEADERS] + [Kind.CONTINUATION] * (len(parts) - 1)
    flags = [END_STREAM if last else 0] + [0] * (len(parts) - 1)
    flags[-1] |= END_HEADERS
    return b"".join(frame(kind, stream, part, flag) for kind, part, flag in zip(kinds, parts, flags, strict=True))


def reset(stream: int) -> bytes:
    """Write the end of a stream by an error."""
    return frame(Kind.RST_STREAM, stream, INTERNAL_ERROR.to_bytes(4))


def _text(text: str) -> bytes:
    """Write a string literal without Huffman's code: its length as an integer of a seven-bit prefix (RFC 7541, 5)."""
    written = text.encode("latin-1")
    size = len(written)
    if size < _SEVEN:
        return bytes((size,)) + written
    prefix, size = bytearray((_SEVEN,)), size - _SEVEN
    while size > _SEVEN:
        prefix.append(size & _SEVEN | 0x80)
        size >>= 7
    prefix.append(size)
    return bytes(prefix) + written
