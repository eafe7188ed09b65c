"""The body comes when the fault has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.http import HttpVersion11

from crashy.faults.kinds.stall_body import BodyStalled
from crashy.server.responses import Answer, Changing, Message, body_of

if TYPE_CHECKING:
    from crashy.server.grpc_wire import Call


async def http(changing: Changing, _change: BodyStalled, request: web.Request, answer: Answer) -> web.StreamResponse:
    """Send the head, wait, and send the body; an empty one as a chunked body whose end is late."""
    response = await answer()
    body = body_of(request, response)
    if body is None or not (body or request.version >= HttpVersion11):
        return response
    stalled = await changing.begin(request, response, len(body) or None)
    await changing.wait()
    await stalled.write(body)
    return stalled


async def grpc(changing: Changing, _change: BodyStalled, call: Call, answer: Message) -> None:
    """Send the headers, wait, and send the message."""
    message = await answer()
    call.begin()
    await changing.wait()
    await call.send(message)
