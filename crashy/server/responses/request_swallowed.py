"""Nothing comes back while the fault lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from crashy.faults.kinds.blackhole import RequestSwallowed
from crashy.server.answered import NO_ANSWER
from crashy.server.calls import Unanswered
from crashy.server.responses import Answer, Changing, Message, close

if TYPE_CHECKING:
    from crashy.server.grpc_wire import Call


async def http(changing: Changing, _change: RequestSwallowed, request: web.Request, _answer: Answer) -> web.Response:
    """Wait, and close the connection."""
    await changing.wait()
    close(request.transport)
    return web.Response(status=NO_ANSWER)


async def grpc(changing: Changing, _change: RequestSwallowed, call: Call, _answer: Message) -> None:
    """Wait, and drop the call."""
    await changing.wait()
    call.reset()
    raise Unanswered
