"""The timeline as server-sent events: live, and resumable with `Last-Event-ID`.

Source of the format: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from contextlib import suppress

from aiohttp import web

from crashy.timeline import Event, Timeline

RUN_ID = os.urandom(3).hex()
"""Identifies this process in event ids: an id of an earlier process is unknown here."""

SILENCE = 15.0
"""Seconds after which a silent stream sends a comment, to detect a client that has disconnected."""

_STALLED = 120.0
"""Seconds until a client that has stopped reading is disconnected."""

_HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
_LINE_END = re.compile(r"\r\n|\r|\n")


def frame(data: str, **fields: str) -> bytes:
    r"""Return the bytes of an event: its fields (`id`, `event`, `retry`), and its data line by line.

    Raises ValueError for a field that can't be sent: of several lines, or with a NUL.

    >>> frame("two\nlines", id="7")
    b'id: 7\ndata: two\ndata: lines\n\n'
    """
    if bad := [name for name, value in fields.items() if _LINE_END.search(value) or "\0" in value]:
        raise ValueError(f"{bad[0]}: must be one line")
    lines = [f"{name}: {value}" for name, value in fields.items()]
    lines += [f"data: {line}" for line in _LINE_END.split(data)]
    return "\n".join([*lines, "", ""]).encode()


class _Wakeup:
    """Wakes one task of one loop, from any thread; a second `notify` before it wakes costs nothing."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._notified = False

    def notify(self, _event: Event | None = None) -> None:
        if not self._notified:
            self._notified = True
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self) -> bool:
        """Wait for `notify`, at most SILENCE seconds; return whether it was called."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), SILENCE)
        notified = self._event.is_set()
        self._event.clear()
        self._notified = False
        return notified


class Streams:
    """The event streams of one app; `close` ends them all when it shuts down.

    A stream buffers no events, it only has a position in the timeline, so a slow client or a frozen loop costs
    nothing: events that the timeline dropped meanwhile are missing, and the gap in the ids shows it.
    """

    def __init__(self, timeline: Timeline, headers: Mapping[str, str] | None = None) -> None:
        self._timeline = timeline
        self._headers = headers
        self._wakeups: set[_Wakeup] = set()
        self._closing = False

    async def close(self, _app: web.Application | None = None) -> None:
        """End every stream of this app, later ones too."""
        self._closing = True
        for wakeup in self._wakeups:
            wakeup.notify()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Stream the events from now on, or those after the request's `Last-Event-ID`, until either side ends it."""
        wakeup = _Wakeup()
        position = self._position(request.headers.get("Last-Event-ID"))
        response = web.StreamResponse(headers={**(self._headers or {}), **_HEADERS})
        self._wakeups.add(wakeup)
        unsubscribe = self._timeline.subscribe(wakeup.notify)
        try:
            await response.prepare(request)
            with suppress(ConnectionError):  # the client has disconnected
                while True:
                    events, end = self._timeline.read(position)
                    for number, event in enumerate(events, end - len(events) + 1):
                        await _send(request, response, frame(event.to_json(), id=f"{RUN_ID}-{number}"))
                    position = end
                    if self._closing:
                        break
                    if not await wakeup.wait():
                        await _send(request, response, b": ping\n\n")
        finally:
            unsubscribe()
            self._wakeups.discard(wakeup)
        return response

    def _position(self, last_event_id: str | None) -> int:
        """Return the number of events to skip: all so far, unless the client names its last event."""
        if last_event_id is None:
            return len(self._timeline)
        ours = re.fullmatch(rf"{RUN_ID}-([0-9]{{1,15}})", last_event_id)
        return int(ours[1]) if ours else 0


async def _send(request: web.Request, response: web.StreamResponse, data: bytes) -> None:
    """Write; raises ConnectionError if the client has disconnected or has stopped reading."""
    try:
        async with asyncio.timeout(_STALLED):
            await response.write(data)
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionAbortedError from None
