"""What faults do to one response: one file for each change, named after it.

Each has `http(changing, change, request, answer)`, which returns the response, and `grpc(changing, change, call,
answer)`, which sends the message of a call, or raises CallError or Unanswered. `answer` makes the app's own: a
response, or a message. An HTTP response of the status NO_ANSWER is never sent: the connection was closed instead.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.helpers import must_be_empty_body

from crashy.faults.effects import ResponseChange
from crashy.faults.injected import InjectedFault, RequestEffect
from crashy.server.answered import BEGUN
from crashy.server.patient import Patient

if TYPE_CHECKING:
    from crashy.server.grpc_wire import Call

Answer = Callable[[], Awaitable[web.StreamResponse]]
Message = Callable[[], Awaitable[bytes]]

_PIECE_SECONDS = 0.1
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


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

    async def pace(self, data: bytes, seconds: float, write: Callable[[bytes], Awaitable[None]]) -> None:
        """Write in pieces, the last after so many seconds, all at once when the fault has ended."""
        loop = asyncio.get_running_loop()
        began, sent = loop.time(), 0
        count = max(1, min(len(data), round(seconds / _PIECE_SECONDS)))
        for number in range(1, count + 1):
            await self.wait(max(0.0, began + seconds * number / count - loop.time()))
            end = len(data) * number // count
            await write(data[sent:end])
            sent = end

    async def begin(self, request: web.Request, response: web.StreamResponse, length: int | None) -> web.StreamResponse:
        """Send the status and headers of a response whose body the caller writes; chunked where `length` is None."""
        begun = web.StreamResponse(status=response.status, reason=response.reason, headers=response.headers)
        begun.headers["X-Pod"] = self.identity.pod
        if length is None:
            begun.enable_chunked_encoding()
        else:
            begun.content_length = length
        if self._patient.phase == "draining":
            begun.force_close()
        await begun.prepare(request)
        request[BEGUN] = True
        return begun


@contextmanager
def changing(patient: Patient, effect: RequestEffect) -> Iterator[Changing]:
    """Change a response, and let go of the request afterwards."""
    assert effect.by is not None  # noqa: S101 - a change is by a fault
    assert effect.change is not None  # noqa: S101
    try:
        yield Changing(patient, effect.by, effect.change)
    finally:
        patient.release(effect.holder)


def body_of(request: web.Request, response: web.StreamResponse) -> bytes | None:
    """Return the body that is to be sent; None where there is to be none, or where all was sent already."""
    if must_be_empty_body(request.method, response.status) or response.prepared:
        return None
    if not isinstance(response, web.Response):
        return None
    return response.body if isinstance(response.body, bytes) else b""


def close(transport: asyncio.BaseTransport | None) -> None:
    """Close a connection (FIN), once what was written is sent."""
    if transport is not None:
        transport.close()


def reset(transport: asyncio.Transport | None) -> None:
    """Reset a connection (RST)."""
    if transport is not None and not transport.is_closing():
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
