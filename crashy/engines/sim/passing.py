"""What passes between a modelled container and its clients, where faults act from outside: as in `traffic/splice/`."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace

from crashy.engines.gates import FaultGate
from crashy.engines.sim.process import (
    Broken,
    CallFailed,
    Condition,
    Cut,
    Full,
    Hang,
    Missing,
    Process,
    Refuse,
    Reset,
    Stall,
    Stopped,
    Truncated,
)
from crashy.engines.sim.responses import Answered, change
from crashy.faults.effects import Bandwidth, InjectedResponse
from crashy.faults.injected import InjectedFault, RequestEffect
from crashy.faults.scope import CONNECTION, Client, Request
from crashy.grpc import CHECK, OF_HTTP, Code
from crashy.kubelet.handlers.request import path_of
from crashy.objects.pod import GRPC, Exec, Handler, HTTPGet, TCPSocket
from crashy.patient.answers import Answer
from crashy.patient.identity import Identity

HEAD = 150
"""The bytes of a request's or a response's head, or of a gRPC call."""
_AFTER_THE_FIRST_LINE = frozenset({"body_corrupted", "body_paced", "body_stalled", "body_truncated", "head_paced"})
"""The changes that come after what a client sees that reads a line: a paced head's first line is an early piece."""
_NOBODY = Identity("", "", "")


class Passing:
    """What `client` sends to a `process` and gets back, through a gate; `gone` says whether the process has ended.

    `head` is the bytes of a request and of the response but its body. A client that doesn't `read_all` is content with
    the first line.
    """

    def __init__(
        self,
        gate: FaultGate,
        process: Process,
        client: Client,
        gone: Callable[[], bool] = lambda: False,
        *,
        head: int = HEAD,
        read_all: bool = True,
    ) -> None:
        self._head = head
        self._read_all = read_all
        self._gate = gate
        self._process = process
        self._client: Client = client
        self._gone = gone
        self._now = asyncio.get_running_loop().time

    async def respond(self, handler: Handler, port: int, within: float) -> Condition:
        """Return the response to a request; see `Process.respond`."""
        gate, process = self._gate, self._process
        if not isinstance(handler, Exec) and gate.deaf():
            return Refuse()
        if isinstance(handler, Exec | TCPSocket) or gate.quiet() or not process.listens(port):
            return await process.respond(handler, port, within, self._client)
        effect = await gate.decide(_request(handler, self._client))
        try:
            return await self._affected(handler, port, within, effect)
        finally:
            gate.release(effect)

    async def _affected(self, handler: Handler, port: int, within: float, effect: RequestEffect) -> Condition:
        began = self._now()
        deadline = began + within
        call = isinstance(handler, GRPC)

        async def own() -> Answered | None:
            return await self._own(handler, port, began, deadline)

        async def wait(seconds: float | None, fault: InjectedFault | None = effect.by) -> bool:
            due = math.inf if seconds is None else self._now() + seconds
            return await self._over(fault, min(due, deadline)) or due < deadline

        if effect.commands and self._gone():
            return Cut()
        if effect.hang and not await wait(None, effect.hang):
            return Hang()
        for fault, late in effect.delays:
            if not await wait(late.seconds, fault):
                return Hang()
        if effect.response and effect.by:
            answered: Answered | None = _given(effect.by, effect.response, call=call)
        elif effect.change and (self._read_all or effect.change.file not in _AFTER_THE_FIRST_LINE):
            answered = await change(effect.change, own, wait, _NOBODY, _request(handler, self._client))
        else:
            answered = await own()
        for fault, shape in effect.shapes:
            if isinstance(shape, Bandwidth) and isinstance(answered, Answer):
                body = 0 if call or not self._read_all else len(answered.body.encode())
                if not await wait(self._head / shape.rate, fault):
                    return Hang()
                if body and not await wait(body / shape.rate, fault):
                    return Stall()
        return _late(answered, self._now() - began, within)

    async def _own(self, handler: Handler, port: int, began: float, deadline: float) -> Answered | None:
        """Return the app's own response; to a connection that is there already nobody says that it is refused."""
        before = self._now() - began
        if self._gone():
            return Cut(before)
        condition = await self._process.respond(handler, port, deadline - self._now(), self._client)
        match condition:
            case Refuse():
                return Cut(before)
            case Stopped() | Full() | Missing():
                return None
            case Hang() | Stall():
                return condition
        return _after(condition, condition.latency + before)

    async def _over(self, fault: InjectedFault | None, due: float) -> bool:
        """Wait until then, or until a fault has ended; return whether it has."""
        try:
            async with asyncio.timeout_at(None if due == math.inf else due):
                await (self._gate.ended(fault) if fault else asyncio.Event().wait())
        except TimeoutError:
            return False
        return True


def _request(handler: Handler, client: Client) -> Request:
    match handler:
        case GRPC():
            return Request("POST", CHECK, client)
        case HTTPGet(scheme="HTTPS") | TCPSocket():
            return Request(CONNECTION, "", client)
        case HTTPGet():
            return Request("GET", path_of(handler.path), client, headers=handler.headers)
    raise AssertionError(handler)


def _given(by: InjectedFault, given: InjectedResponse, *, call: bool) -> Answered:
    """Return the response that a fault sends; one of a probe's says to a call that the app isn't serving."""
    if call and not by.fault.failing():
        return CallFailed(OF_HTTP.get(given.status, Code.UNKNOWN), given.text)
    return Answer(given.status, given.text, location=dict(given.headers).get("Location", ""))


def _late(answered: Answered | None, took: float, within: float) -> Condition:
    """Return a response after so many seconds of those in which it must come."""
    match answered:
        case Stall():
            return answered
        case None | Hang():
            return Hang()
    return Hang() if took >= within else _after(answered, max(took, answered.latency))


_Timed = Answer | Broken | CallFailed | Cut | Reset | Truncated


def _after(timed: _Timed, latency: float) -> _Timed:
    return timed._replace(latency=latency) if isinstance(timed, Answer) else replace(timed, latency=latency)
