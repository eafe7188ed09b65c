"""Only the first part of the body is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.http import HttpVersion11

from crashy.faults.kinds.truncate import BodyTruncated
from crashy.server.calls import Unanswered
from crashy.server.responses import Answer, Changing, Message, body_of, close

if TYPE_CHECKING:
    from crashy.server.grpc_wire import Call


async def http(changing: Changing, change: BodyTruncated, request: web.Request, answer: Answer) -> web.StreamResponse:
    """Send the head and a part of the body, and close the connection."""
    response = await answer()
    body = body_of(request, response)
    if body is None:
        return response
    kept, promised = body[: change.kept(len(body))], max(1, len(body))
    chunked = change.mode == "chunk" and request.version >= HttpVersion11
    cut = await changing.begin(request, response, None if chunked else promised)
    if not chunked:
        await cut.write(kept)
    elif request.transport is not None:
        request.transport.write(b"%x\r\n" % promised + kept)
    cut.force_close()
    close(request.transport)
    return cut


async def grpc(_changing: Changing, change: BodyTruncated, call: Call, answer: Message) -> None:
    """Send a part of the message, and reset the stream."""
    message = await answer()
    await call.send_part(message, change.kept(len(message)))
    call.reset()
    raise Unanswered
