"""A connection whose first bytes show what it speaks: HTTP/1.1, or anything else."""

from __future__ import annotations

import re
from collections.abc import Callable

from crashy.traffic.splice.ends import End
from crashy.traffic.splice.gate import Gate
from crashy.traffic.splice.link import Link

_LINE = re.compile(rb"[A-Z]{1,32} [!-~\x80-\xff]+ HTTP/1\.[01]\r?\n")
_BEGUN = re.compile(rb"[A-Z]{1,32}( ([!-~\x80-\xff]+( (H(T(T(P(/(1(\.([01]\r?)?)?)?)?)?)?)?)?)?)?)?")
_LONGEST = 1 << 16

Make = Callable[[Gate, End, End], Link]


def is_http(first: bytes) -> bool | None:
    """Return whether a client's first bytes begin an HTTP/1.1 request; None as long as they may."""
    if _LINE.match(first):
        return True
    return None if len(first) < _LONGEST and _BEGUN.fullmatch(first) else False


class SniffedLink(Link):
    """Waits for the first bytes; a server that speaks first is no HTTP server."""

    def __init__(self, gate: Gate, front: End, back: End, http: Make, tcp: Make) -> None:
        super().__init__(gate, front, back)
        self._http = http
        self._tcp = tcp
        self._first = b""
        front.flow, back.flow = self._asked, self._told

    def _asked(self, data: bytes) -> None:
        self._first += data
        if (http := is_http(self._first)) is not None:
            self._become(self._http if http else self._tcp)

    def _told(self, data: bytes) -> None:
        self._become(self._tcp)
        self.back.flow(data)

    def _become(self, make: Make) -> None:
        make(self.gate, self.front, self.back)
        if self._first:
            self.front.flow(self._first)

    def ended(self, end: End) -> None:
        """Leave it to what the connection is then: no HTTP."""
        self._become(self._tcp)
        if end.watcher is not None:
            end.watcher.ended(end)

    def lost(self, end: End, *, reset: bool) -> None:
        """Leave it to what the connection is then: no HTTP."""
        self._become(self._tcp)
        if end.watcher is not None:
            end.watcher.lost(end, reset=reset)
