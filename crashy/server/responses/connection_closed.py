"""The connection is closed without a response; over gRPC with all calls on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from crashy.faults.kinds.abort import ConnectionClosed
from crashy.server.answered import NO_ANSWER
from crashy.server.calls import Unanswered
from crashy.server.responses import Answer, Changing, Message, close

if TYPE_CHECKING:
    from crashy.server.grpc_wire import Call


async def http(_changing: Changing, _change: ConnectionClosed, request: web.Request, _answer: Answer) -> web.Response:
    """Close the connection."""
    close(request.transport)
    return web.Response(status=NO_ANSWER)


async def grpc(_changing: Changing, _change: ConnectionClosed, call: Call, _answer: Message) -> None:
    """Close the connection."""
    close(call.transport)
    raise Unanswered
