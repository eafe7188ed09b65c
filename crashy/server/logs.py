"""The patient's log: one line on standard output for each event, except those of healthy probes."""

from __future__ import annotations

import json
import os
import stat
import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

from crashy.faults.scope import Client
from crashy.server.answered import answered, summary
from crashy.timeline import Event


class Log:
    """Writes a timeline's events, and requests, as lines of text, or of JSON, and flushes each.

    `wall` returns the seconds since the epoch. In text, what the app itself would print (reason `Said`) is a line
    without timestamp, byte for byte. A healthy probe of a kubelet has no line.
    """

    def __init__(self, stream: TextIO, *, as_json: bool, wall: Callable[[], float] = time.time) -> None:
        self._stream = stream
        self._as_json = as_json
        self._wall = wall
        self._lock = threading.Lock()
        self._stamped = -1, ""

    def __call__(self, event: Event) -> None:
        """Write the event's line."""
        self._put(self._line(event))

    def answered(  # noqa: PLR0917 - as `Watcher`
        self,
        pod: str,
        method: str,
        path: str,
        client: Client,
        status: int,
        seconds: float,
        remote: str | None,
        service: str | None = None,
    ) -> None:
        """Write the line of a request and its response, if it has one; as text without making an event of it."""
        if client == "kubelet" and status < 400:
            return
        if self._as_json:
            self._put(self._json(answered(pod, 0.0, method, path, client, status, seconds, remote, service)))
        else:
            reason, message = summary(method, path, status, seconds, remote)
            self._put(f"{self._stamp()} info {reason}: {_one_line(message)}\n")

    def _put(self, line: str) -> None:
        # At once, as the process may end at any moment: a line in a buffer would be lost with it.
        with self._lock:
            try:
                self._stream.write(line)
                self._stream.flush()
            except (OSError, ValueError):  # the reader is gone: that must not stop the patient
                pass

    def flood(self, event: Event, size: int, lines: int) -> bool:
        """Write an event's line so many times, each padded to `size` bytes; return whether there was room for them.

        A pipe that is half full has none: whoever reads it is slow, and lines of requests must not wait for that.
        """
        line = self._line(event)
        line = self._line(event._replace(message=event.message.ljust(len(event.message) + size - len(line), ".")))
        with self._lock:
            try:
                if not _has_room(self._stream.fileno(), len(line) * lines):
                    return False
                self._stream.write(line * lines)
                self._stream.flush()
            except (OSError, ValueError):
                return False
        return True

    def _stamp(self) -> str:
        now, (then, stamp) = int(self._wall() * 1000), self._stamped
        if now != then:  # under load most lines are of the same millisecond as the one before
            second, millisecond = divmod(now, 1000)
            stamp = time.strftime(f"%Y-%m-%dT%H:%M:%S.{millisecond:03}Z", time.gmtime(second))
            self._stamped = now, stamp
        return stamp

    def _line(self, event: Event) -> str:
        return self._json(event) if self._as_json else self._text(event)

    def _text(self, event: Event) -> str:
        message = _one_line(event.message)
        if event.reason == "Said":
            return f"{message}\n"
        return f"{self._stamp()} {event.data.get('level', 'info')} {event.reason}: {message}\n"

    def _json(self, event: Event) -> str:
        members = {
            "time": self._stamp(),
            "level": "info",
            "pod": event.source,
            "kind": event.kind,
            "reason": event.reason,
            "message": event.message,
            **event.data,
        }
        return json.dumps(members, separators=(",", ":")) + "\n"


def _has_room(fd: int, size: int) -> bool:
    """Return whether so much can be written at once: a pipe stays half empty."""
    import fcntl  # noqa: PLC0415 - for floods alone
    import select  # noqa: PLC0415 - for floods alone
    import termios  # noqa: PLC0415 - for floods alone

    if not select.select([], [fd], [], 0)[1]:
        return False
    if not stat.S_ISFIFO(os.fstat(fd).st_mode) or not hasattr(fcntl, "F_GETPIPE_SZ"):
        return True
    held = int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)), sys.byteorder)
    return held + size <= fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ) // 2


def _one_line(message: str) -> str:
    """Keep a client's control characters from forging lines."""
    return message if message.isprintable() else message.encode("unicode_escape").decode("ascii")
