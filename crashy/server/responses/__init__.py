"""What faults do to one response: one file for each change, named after it.

Each has `http(changing, change, request, answer)`, which returns the response, and `grpc(changing, change, call,
answer)`, which sends the message of a call, or raises CallError or Unanswered. `answer` makes the app's own: a
response, or a message. An HTTP response of the status NO_ANSWER is never sent: the connection was closed instead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from aiohttp import web

from crashy.faults.active import InjectedFault, RequestEffect
from crashy.faults.effects import ResponseChange
from crashy.server.patient import Patient

if TYPE_CHECKING:
    from crashy.server.grpc_wire import Call

Answer = Callable[[], Awaitable[web.StreamResponse]]
Message = Callable[[], Awaitable[bytes]]


class Changing:
    """The change of one response by an active fault."""

    def __init__(self, patient: Patient, by: InjectedFault, change: ResponseChange) -> None:
        self.identity = patient.identity
        self._patient = patient
        self._by = by
        self._change = change
        self._file: Any = import_module(f"{__name__}.{change.file}")

    async def http(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        """Respond to a request."""
        response: web.StreamResponse = await self._file.http(self, self._change, request, answer)
        return response

    async def grpc(self, call: Call, answer: Message) -> None:
        """Respond to a call."""
        await self._file.grpc(self, self._change, call, answer)

    async def wait(self, seconds: float | None = None) -> None:
        """Wait so long, or until the fault has ended, if that is earlier."""
        ended = self._patient.end_of(self._by)
        try:
            async with asyncio.timeout(seconds):
                await asyncio.wrap_future(ended)
        except TimeoutError:
            pass
        finally:
            self._patient.forget(self._by, ended)


@contextmanager
def changing(patient: Patient, effect: RequestEffect) -> Iterator[Changing]:
    """Change a response, and let go of the request afterwards."""
    assert effect.by is not None  # noqa: S101 - a change is by a fault
    assert effect.change is not None  # noqa: S101
    try:
        yield Changing(patient, effect.by, effect.change)
    finally:
        patient.release(effect.holder)
