"""The body is sent in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from crashy.faults.kinds.drip import BodyPaced
from crashy.server.responses import Answer, Changing, Message, body_of

if TYPE_CHECKING:
    from crashy.server.grpc_wire import Call


async def http(changing: Changing, change: BodyPaced, request: web.Request, answer: Answer) -> web.StreamResponse:
    """Send the head, and the body a piece at a time."""
    response = await answer()
    body = body_of(request, response)
    if not body:
        return response
    slow = await changing.begin(request, response, len(body))
    await changing.pace(body, change.seconds(len(body)), slow.write)
    return slow


async def grpc(changing: Changing, change: BodyPaced, call: Call, answer: Message) -> None:
    """Send the headers, and the message as late as its last byte would come."""
    message = await answer()
    call.begin()
    await changing.wait(change.seconds(len(message)))
    await call.send(message)
