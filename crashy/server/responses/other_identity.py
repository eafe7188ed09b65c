"""The response names another pod."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from crashy.faults.kinds.wrong_identity import OtherIdentity
from crashy.server.responses import Answer, Changing, Message, body_of

if TYPE_CHECKING:
    from crashy.server.grpc_wire import Call


async def http(changing: Changing, change: OtherIdentity, request: web.Request, answer: Answer) -> web.StreamResponse:
    """Replace the app's name, in the body and in X-Pod."""
    response = await answer()
    body, own = body_of(request, response), changing.identity
    if body and isinstance(response, web.Response):
        text = body.decode("utf-8", "surrogateescape")
        response.body = change.apply(text, own.pod, own.version).encode("utf-8", "surrogateescape")
    if not response.prepared:
        response.headers["X-Pod"] = change.pod
    return response


async def grpc(_changing: Changing, change: OtherIdentity, call: Call, answer: Message) -> None:
    """Replace the app's name in the headers."""
    message = await answer()
    call.begin(("x-pod", change.pod))
    await call.send(message)
