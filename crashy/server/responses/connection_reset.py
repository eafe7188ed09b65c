"""The connection is reset without a response; over gRPC with all calls on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from crashy.faults.kinds.reset import ConnectionReset
from crashy.server.answered import NO_ANSWER
from crashy.server.calls import Unanswered
from crashy.server.responses import Answer, Changing, Message, reset

if TYPE_CHECKING:
    from crashy.server.grpc_wire import Call


async def http(_changing: Changing, _change: ConnectionReset, request: web.Request, _answer: Answer) -> web.Response:
    """Reset the connection."""
    reset(request.transport)
    return web.Response(status=NO_ANSWER)


async def grpc(_changing: Changing, _change: ConnectionReset, call: Call, _answer: Message) -> None:
    """Reset the connection."""
    reset(call.transport)
    raise Unanswered
