"""Bytes of the body are flipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from crashy.faults.kinds.corrupt import BodyCorrupted
from crashy.server.responses import Answer, Changing, Message, body_of

if TYPE_CHECKING:
    from crashy.server.grpc_wire import Call


async def http(_changing: Changing, change: BodyCorrupted, request: web.Request, answer: Answer) -> web.StreamResponse:
    """Flip bytes of the body."""
    response = await answer()
    body = body_of(request, response)
    if body and isinstance(response, web.Response):
        response.body = change.apply(body)
    return response


async def grpc(_changing: Changing, _change: BodyCorrupted, call: Call, answer: Message) -> None:
    """Send the message with every bit inverted: as protobuf it has a number without an end."""
    await call.send(bytes(byte ^ 0xFF for byte in await answer()))
