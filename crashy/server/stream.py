"""The timeline as server-sent events: live, and resumed where a client left off.

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

LIFE = os.urandom(3).hex()
"""Names this process in event ids: an id that a former life gave counts nothing here."""

SILENCE = 15.0
"""Seconds after which a silent stream sends a comment, which shows whether its client is still there."""

_STALLED = 120.0
"""Seconds that a client which has stopped reading is waited for."""

_HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
_LINE_END = re.compile(r"\r\n|\r|\n")


def frame(data: str, **fields: str) -> bytes:
    r"""Write an event: its fields (`id`, `event`, `retry`), and a line for each line of its data.

    Raises ValueError for a field that would be read as something else: of several lines, or with a NUL.

    >>> frame("two\nlines", id="7")
    b'id: 7\ndata: two\ndata: lines\n\n'
    """
    if bad := [name for name, value in fields.items() if _LINE_END.search(value) or "\0" in value]:
        raise ValueError(f"{bad[0]}: must be one line")
    lines = [f"{name}: {value}" for name, value in fields.items()]
    lines += [f"data: {line}" for line in _LINE_END.split(data)]
    return "\n".join([*lines, "", ""]).encode()


class _Bell:
    """Wakes one task of one loop, from any thread; ringing twice before it wakes costs no more than once."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._rung = False

    def ring(self, _event: Event | None = None) -> None:
        if not self._rung:
            self._rung = True
            with suppress(RuntimeError):  # the loop has closed: nobody is left to wake
                self._loop.call_soon_threadsafe(self._event.set)

    async def wait(self) -> bool:
        """Wait until it is rung, at most SILENCE; return whether it was."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), SILENCE)
        rung = self._event.is_set()
        self._event.clear()
        self._rung = False
        return rung


class Streams:
    """The event streams of one app; `close` ends them all when it shuts down.

    A stream holds no events of its own, only its place in the timeline, so a slow client or a frozen loop
    costs nothing: what fell off the timeline's end meanwhile is missing, and the gap in the ids says so.
    """

    def __init__(self, timeline: Timeline, headers: Mapping[str, str] | None = None) -> None:
        self._timeline = timeline
        self._headers = headers
        self._bells: set[_Bell] = set()
        self._closing = False

    async def close(self, _app: web.Application | None = None) -> None:
        """End every stream of this app, and those that are asked for later."""
        self._closing = True
        for bell in self._bells:
            bell.ring()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Stream the events from now on, or those after the request's `Last-Event-ID`, until either side ends it."""
        bell = _Bell()
        place = self._place(request.headers.get("Last-Event-ID"))
        response = web.StreamResponse(headers={**(self._headers or {}), **_HEADERS})
        self._bells.add(bell)
        unsubscribe = self._timeline.subscribe(bell.ring)
        try:
            await response.prepare(request)
            with suppress(ConnectionError):  # the client has gone
                while True:
                    events, end = self._timeline.read(place)
                    for number, event in enumerate(events, end - len(events) + 1):
                        await _send(request, response, frame(event.to_json(), id=f"{LIFE}-{number}"))
                    place = end
                    if self._closing:
                        break
                    if not await bell.wait():
                        await _send(request, response, b": ping\n\n")
        finally:
            unsubscribe()
            self._bells.discard(bell)
        return response

    def _place(self, last_event_id: str | None) -> int:
        """Return the count of events that the client has: all of them, unless it says where it left off."""
        if last_event_id is None:
            return len(self._timeline)
        ours = re.fullmatch(rf"{LIFE}-([0-9]{{1,15}})", last_event_id)
        return int(ours[1]) if ours else 0


async def _send(request: web.Request, response: web.StreamResponse, data: bytes) -> None:
    """Write; raises ConnectionError where the client has gone, or is given up since it has stopped reading."""
    try:
        async with asyncio.timeout(_STALLED):
            await response.write(data)
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionAbortedError from None
