"""Heads of requests and responses: what is needed of them to find where a message ends, and to change it.

Source of the rules: RFC 9112, 6 (Message Body).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple

LONGEST = 1 << 16
"""Bytes of a head; one that is longer is not looked into."""
_CACHED = 2048  # clients and servers that send long heads seldom send the same twice

Framing = int | Literal["chunked", "close"]
"""How a body ends: after so many bytes, after its last chunk, or with the connection."""

_END = re.compile(rb"\n\r?\n")
_REQUEST = re.compile(rb"([!#-'*+.^_`|~0-9A-Za-z-]+) ([!-~\x80-\xff]+) HTTP/1\.([01])\r?\n")
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\r\n]*)?\r?\n")
_FIELD = re.compile(
    rb"^(content-length|transfer-encoding|connection|upgrade|expect)[ \t]*:[ \t]*([^\r\n]*)",
    re.IGNORECASE | re.MULTILINE,
)
_ANY_FIELD = re.compile(rb"^([^\s:]+)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r?$", re.MULTILINE)
_FRAMED = re.compile(rb"^(?:content-length|transfer-encoding|trailer)[ \t]*:[^\n]*\n", re.IGNORECASE | re.MULTILINE)
_CONNECTION = re.compile(rb"^(?:connection|keep-alive)[ \t]*:[^\n]*\n", re.IGNORECASE | re.MULTILINE)


class RequestHead(NamedTuple):
    """A request's head; `alone` is whether nothing of it needs more than to be passed on."""

    raw: bytes
    method: str
    target: str
    framing: Framing
    old: bool
    keeps: bool
    expects: bool
    upgrades: bool

    @property
    def path(self) -> str:
        """The path without its query, of an absolute URL too."""
        path = self.target.partition("?")[0]
        if path.startswith(("http://", "https://")):
            return "/" + path.partition("://")[2].partition("/")[2]
        return path

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Its headers."""
        return _cached_headers(self.raw) if len(self.raw) <= _CACHED else _headers(self.raw)


class ResponseHead(NamedTuple):
    """A response's head; of the framing it is not known yet whether the request's method allows a body."""

    raw: bytes
    status: int
    framing: Framing
    old: bool
    keeps: bool

    @property
    def interim(self) -> bool:
        """Whether the response proper is still to come."""
        return 100 <= self.status < 200 and self.status != 101

    def framed(self, framing: Framing, *, close: bool = False) -> bytes:
        """Return it as the head of a body that ends in another way, and with `close` as the last on its connection."""
        raw, fields = _FRAMED.sub(b"", self.raw), b""
        if isinstance(framing, int):
            fields = b"Content-Length: %d\r\n" % framing
        elif framing == "chunked":
            fields = b"Transfer-Encoding: chunked\r\n"
        return self._with(raw, fields, close=close)

    def closing(self) -> bytes:
        """Return it as the last on its connection."""
        return self._with(self.raw, b"", close=True)

    def _with(self, raw: bytes, fields: bytes, *, close: bool) -> bytes:
        if close:
            raw, fields = _CONNECTION.sub(b"", raw), fields + b"Connection: close\r\n"
        line, _, rest = raw.partition(b"\n")
        return line + b"\n" + fields + rest


def end_of_head(data: bytes, start: int = 0) -> int:
    """Return where a head ends, after its empty line; 0 if it isn't there yet."""
    found = _END.search(data, start)
    return found.end() if found else 0


def read_request(raw: bytes) -> RequestHead | None:
    """Read a request's head; None if it is none, or if it isn't clear where its body ends."""
    return _cached_request(raw) if len(raw) <= _CACHED else _read_request(raw)


def read_response(raw: bytes) -> ResponseHead | None:
    """Read a response's head; None if it is none, or if it isn't clear where its body ends."""
    return _cached_response(raw) if len(raw) <= _CACHED else _read_response(raw)


def _read_request(raw: bytes) -> RequestHead | None:
    line = _REQUEST.match(raw)
    if line is None or end_of_head(raw) != len(raw):
        return None
    fields = _fields(raw)
    framing = _framing(fields, 0)
    if framing is None or framing == "close":
        return None
    method, old = line[1].decode(), line[3] == b"0"
    expects = "100-continue" in fields.get("expect", "").lower()
    upgrades = "upgrade" in fields or method == "CONNECT"
    return RequestHead(raw, method, line[2].decode("latin-1"), framing, old, _keeps(fields, old=old), expects, upgrades)


def _read_response(raw: bytes) -> ResponseHead | None:
    line = _STATUS.match(raw)
    if line is None or end_of_head(raw) != len(raw):
        return None
    fields, status, old = _fields(raw), int(line[2]), line[1] == b"0"
    framing = 0 if status < 200 or status in {204, 304} else _framing(fields, "close")
    return None if framing is None else ResponseHead(raw, status, framing, old, _keeps(fields, old=old))


def _headers(raw: bytes) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in _ANY_FIELD.findall(raw)]


_cached_headers = lru_cache(256)(_headers)
_cached_request = lru_cache(256)(_read_request)
_cached_response = lru_cache(256)(_read_response)


def _fields(raw: bytes) -> dict[str, str]:
    """Return the fields that matter; of those that are there twice all values."""
    fields: dict[str, str] = {}
    for name, value in _FIELD.findall(raw):
        key, text = name.decode().lower(), value.decode("latin-1").strip()
        fields[key] = f"{fields[key]}, {text}" if key in fields else text
    return fields


def _keeps(fields: dict[str, str], *, old: bool) -> bool:
    connection = fields.get("connection", "").lower()
    return "keep-alive" in connection if old else "close" not in connection


def _framing(fields: dict[str, str], without: Framing) -> Framing | None:
    """Return how a body ends; None if that isn't clear."""
    if "transfer-encoding" in fields:
        codings = [coding.strip() for coding in fields["transfer-encoding"].lower().split(",")]
        return "chunked" if codings[-1] == "chunked" else None
    if "content-length" in fields:
        lengths = {length.strip() for length in fields["content-length"].split(",")}
        (length,) = lengths if len(lengths) == 1 else ("",)
        return int(length) if length.isascii() and length.isdigit() and len(length) < 19 else None
    return without
