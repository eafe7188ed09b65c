"""What faults do to one response of a modelled process: one file for each change, as in `server/responses/`.

Each has `http(change, own, wait, who)`, and `grpc` with the same arguments: both return what the client gets, None for
nothing before the deadline. `own` makes the app's own response, `wait` waits for so many seconds, or as long as the
fault lasts, and returns whether that was before the deadline, `who` is the app.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

from crashy.engines.sim.process import Broken, CallFailed, Cut, Hang, Reset, Stall, Truncated
from crashy.faults.effects import ResponseChange
from crashy.faults.scope import Request
from crashy.grpc import CHECK, Code
from crashy.patient.answers import Answer
from crashy.patient.identity import Identity

Answered = Answer | Broken | CallFailed | Cut | Hang | Reset | Stall | Truncated
"""How a process that runs responds."""
RESET_STREAM = CallFailed(Code.INTERNAL, "stream terminated by RST_STREAM with error code: INTERNAL_ERROR")
MESSAGE = 2
"""The bytes of a health check's response."""

Own = Callable[[], Awaitable[Answered | None]]
Wait = Callable[[float | None], Awaitable[bool]]


async def change(by: ResponseChange, own: Own, wait: Wait, who: Identity, request: Request) -> Answered | None:
    """Return what becomes of a response."""
    file: Any = import_module(f"{__name__}.{by.file}")
    answered: Answered | None = await (file.grpc if request.path == CHECK else file.http)(by, own, wait, who)
    return answered
