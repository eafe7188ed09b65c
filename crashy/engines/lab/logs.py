"""What containers write, as lines, bounded in length and in number."""

from __future__ import annotations

from collections.abc import Callable

LINE_LIMIT = 16_384  # bytes; a longer line is cut into several, as container runtimes do
RATE_LIMIT = 500  # lines a second; what is beyond is counted, not kept


class LogLines:
    """Cuts a stream of bytes into lines for `emit`; `now` gives seconds."""

    def __init__(self, emit: Callable[[str], None], now: Callable[[], float]) -> None:
        self._emit = emit
        self._now = now
        self._rest = b""
        self._second = -1
        self._lines = 0
        self._dropped = 0

    def feed(self, data: bytes) -> None:
        """Take a chunk; each complete line is emitted."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._cut(line)
        while len(self._rest) > LINE_LIMIT:
            self._line(self._rest[:LINE_LIMIT])
            self._rest = self._rest[LINE_LIMIT:]

    def end(self) -> None:
        """Emit what is left: a last line without its end, and how many were dropped."""
        if self._rest:
            self._cut(self._rest)
            self._rest = b""
        self._emit_dropped()

    def _cut(self, line: bytes) -> None:
        for start in range(0, max(1, len(line)), LINE_LIMIT):
            self._line(line[start : start + LINE_LIMIT])

    def _line(self, line: bytes) -> None:
        second = int(self._now())
        if second != self._second:
            self._emit_dropped()
            self._second, self._lines = second, 0
        self._lines += 1
        if self._lines > RATE_LIMIT:
            self._dropped += 1
        else:
            self._emit(line.decode("utf-8", "replace").removesuffix("\r"))

    def _emit_dropped(self) -> None:
        if self._dropped:
            self._emit(f"({self._dropped} lines in one second were dropped: {RATE_LIMIT} are kept)")
            self._dropped = 0
