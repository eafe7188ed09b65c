"""The status line and the headers are sent in pieces."""

from __future__ import annotations

from email.utils import formatdate
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.http import SERVER_SOFTWARE

from crashy.faults.kinds.slow_headers import HeadPaced
from crashy.server.responses import Answer, Changing, Message, body_of, close

if TYPE_CHECKING:
    from crashy.server.grpc_wire import Call


async def http(changing: Changing, change: HeadPaced, request: web.Request, answer: Answer) -> web.StreamResponse:
    """Send the head a piece at a time, then the body, and close the connection."""
    response, transport = await answer(), request.transport
    if transport is None or response.prepared or not isinstance(response, web.Response):
        return response

    async def write(piece: bytes) -> None:
        transport.write(piece)

    await changing.pace(_head(response, changing.identity.pod), change.over, write)
    transport.write(body_of(request, response) or b"")
    close(transport)
    return response


async def grpc(changing: Changing, change: HeadPaced, call: Call, answer: Message) -> None:
    """Send the headers, which are one frame, and the message that much later."""
    message = await answer()
    await changing.wait(change.over)
    await call.send(message)


def _head(response: web.Response, pod: str) -> bytes:
    own = {"Content-Length": str(response.content_length or 0), "X-Pod": pod, "Connection": "close"}
    headers = {**response.headers, **own, "Date": formatdate(usegmt=True), "Server": SERVER_SOFTWARE}
    lines = [f"HTTP/1.1 {response.status} {response.reason}", *(f"{key}: {value}" for key, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()
