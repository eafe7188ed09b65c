"""Where messages begin and end, in what comes in pieces of any size."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from typing import Generic, NamedTuple, TypeVar

from crashy.chunked import ChunkedBody
from crashy.traffic.splice.http1.heads import (
    LONGEST,
    Framing,
    RequestHead,
    ResponseHead,
    end_of_head,
    read_request,
    read_response,
)

H = TypeVar("H", RequestHead, ResponseHead)


class Piece(NamedTuple, Generic[H]):
    """A part of a message: its head, in its first piece, and of its body what has come; `last` ends the message."""

    head: H | None
    body: bytes
    last: bool = False

    @property
    def data(self) -> bytes:
        """Return it as it came."""
        return self.head.raw + self.body if self.head is not None else self.body


class Messages(ABC, Generic[H]):
    """Follows the messages of one direction; `lost` once it isn't clear any more where one ends."""

    def __init__(self) -> None:
        self.lost = False
        self.between = True
        """Whether nothing of a message has come yet."""
        self._pending = b""
        self._in_body = False
        self._left = 0  # bytes of a body, or -1: until the end of the connection
        self._chunks: ChunkedBody | None = None

    def feed(self, data: bytes) -> list[Piece[H]]:
        """Return the pieces that these bytes complete; once `lost`, what comes is a piece of nothing."""
        pieces: list[Piece[H]] = []
        while data and not self.lost:
            piece, data = self._part(data) if self._in_body else self._head(data)
            if piece is not None:
                pieces.append(piece)
            self.between = not (self._in_body or self._pending or self.lost)
        if data:
            pieces.append(Piece(None, data))
        return pieces

    @abstractmethod
    def _read(self, raw: bytes) -> tuple[H, Framing] | None:
        """Return a head and how its body is framed, or None where that isn't clear."""

    def _over(self, rest: bytes) -> bytes:
        """Note the end of a message; return what of the rest is to be read now."""
        return rest

    def _head(self, data: bytes) -> tuple[Piece[H] | None, bytes]:
        searched = max(0, len(self._pending) - 3)
        data = self._pending + data
        if not (end := end_of_head(data, searched)):
            self.lost = len(data) > LONGEST
            self._pending = b"" if self.lost else data
            return (None, data) if self.lost else (None, b"")
        self._pending = b""
        if (read := self._read(data[:end])) is None:
            self.lost = True
            return None, data
        head, framing = read
        self._chunks = ChunkedBody() if framing == "chunked" else None
        self._left = framing if isinstance(framing, int) else -1
        self._in_body = True
        piece, rest = self._part(data[end:])
        return Piece(head, piece.body, piece.last), rest

    def _part(self, data: bytes) -> tuple[Piece[H], bytes]:
        """Cut off what belongs to the body that is coming."""
        rest = b""
        if self._chunks is not None:
            self._chunks.feed(data)
            self.lost = bool(self._chunks.failure)
            last = self._chunks.ended
            if last and self._chunks.rest:
                data, rest = data[: -len(self._chunks.rest)], self._chunks.rest
        elif self._left < 0:
            last = False
        else:
            data, rest = data[: self._left], data[self._left :]
            self._left -= len(data)
            last = not self._left
        if last:
            self._in_body = False
            rest = self._over(rest)
        return Piece(None, data, last), rest


class Requests(Messages[RequestHead]):
    """Follows a client's requests; what follows one that asks for an upgrade is `held` until it is answered."""

    def __init__(self) -> None:
        super().__init__()
        self.held: bytes | None = None
        self._upgrades = False

    def feed(self, data: bytes) -> list[Piece[RequestHead]]:
        """Return the pieces that these bytes complete."""
        if self.held is not None:
            self.held += data
            return []
        return super().feed(data)

    def resume(self) -> list[Piece[RequestHead]]:
        """Return the pieces of what was held: there was no upgrade."""
        held, self.held = self.held, None
        return self.feed(held) if held else []

    def _read(self, raw: bytes) -> tuple[RequestHead, Framing] | None:
        head = read_request(raw)
        self._upgrades = head is not None and head.upgrades
        return head and (head, head.framing)

    def _over(self, rest: bytes) -> bytes:
        if not self._upgrades:
            return rest
        self.held = rest
        return b""


class Responses(Messages[ResponseHead]):
    """Follows a server's responses to the requests in `asked`, and takes each from there that is answered."""

    def __init__(self, asked: deque[RequestHead]) -> None:
        super().__init__()
        self._asked = asked
        self._interim = False

    def _read(self, raw: bytes) -> tuple[ResponseHead, Framing] | None:
        head = read_response(raw)
        if head is None or not self._asked:
            return None
        self._interim = head.interim
        return head, framing_of(head, self._asked[0])

    def _over(self, rest: bytes) -> bytes:
        if not self._interim:
            self._asked.popleft()
        return rest


def framing_of(head: ResponseHead, request: RequestHead) -> Framing:
    """Return how the body of the response to a request ends."""
    if request.method == "HEAD" or (request.method == "CONNECT" and 200 <= head.status < 300):
        return 0
    return head.framing
