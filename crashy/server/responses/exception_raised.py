"""The handler raises an exception."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from crashy.faults.kinds.exception import ExceptionRaised
from crashy.server.responses import Answer, Changing, Message

if TYPE_CHECKING:
    from crashy.server.grpc_wire import Call


async def http(
    _changing: Changing, change: ExceptionRaised, _request: web.Request, _answer: Answer
) -> web.StreamResponse:
    """Raise."""
    raise RuntimeError(change.message)


async def grpc(_changing: Changing, change: ExceptionRaised, _call: Call, _answer: Message) -> None:
    """Raise."""
    raise RuntimeError(change.message)
