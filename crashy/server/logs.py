"""The patient's log: one line on standard output for each event that is worth one."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import TextIO

from crashy.timeline import Event


class Log:
    """Writes a timeline's events as lines of text, or of JSON, and flushes each.

    `wall` gives the seconds since the epoch. What the app itself would print (reason `Said`) stands alone on its line
    in text, so that it is found byte for byte. With `access` off, requests have no line; a healthy probe of a kubelet
    never has.
    """

    def __init__(self, stream: TextIO, *, as_json: bool, access: bool, wall: Callable[[], float] = time.time) -> None:
        self._stream = stream
        self._write = self._json if as_json else self._text
        self._access = access
        self._wall = wall
        self._lock = threading.Lock()
        self._second = 0, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(0))

    def __call__(self, event: Event) -> None:
        """Write the event's line, if it has one."""
        if event.kind == "request" and not self._worth_a_line(event):
            return
        line = self._write(event)
        with self._lock:
            try:
                self._stream.write(line)
                self._stream.flush()
            except (OSError, ValueError):  # nobody reads any more: the patient has other worries
                pass

    def _worth_a_line(self, event: Event) -> bool:
        data = event.data
        healthy_probe = data["client"] == "kubelet" and data["status"] < 400
        return self._access and not healthy_probe

    def _stamp(self) -> str:
        now = self._wall()
        second = int(now)
        if second != self._second[0]:  # most lines are of the same second as the one before
            self._second = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._second[1]}.{int(now % 1 * 1000):03}Z"

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


def _one_line(message: str) -> str:
    """Keep a client's control characters from forging lines."""
    return message if message.isprintable() else message.encode("unicode_escape").decode("ascii")
