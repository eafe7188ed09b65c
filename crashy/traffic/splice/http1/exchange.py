"""One request that a fault may act on, and its response."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from enum import Enum, auto

from crashy.chunked import ChunkedBody
from crashy.faults.effects import ConnectionShape, InjectedResponse, LateClose
from crashy.faults.injected import NOTHING, InjectedFault, RequestEffect
from crashy.faults.scope import Request
from crashy.traffic import changes
from crashy.traffic.splice.http1.answers import answer_of
from crashy.traffic.splice.http1.framing import Piece, framing_of
from crashy.traffic.splice.http1.heads import Framing, RequestHead, ResponseHead
from crashy.traffic.splice.inbox import LIMIT, ON_ITS_WAY, Inbox
from crashy.traffic.splice.link import Link
from crashy.traffic.splice.shapes import Pace, Shapes

_LINGER = 5.0  # seconds for a client to read an answer before its request is at its end
_PIECE_SECONDS = 0.1


class Next(Enum):
    """What a connection is for after an exchange."""

    REQUEST = auto()
    TUNNEL = auto()
    CLOSED = auto()
    OVER = auto()
    """The server has ended it, which is still to be passed on."""


class OverError(Exception):
    """The server's connection is over before its response was."""


class UnclearError(Exception):
    """What the server has sent is no response, and was passed on as it is."""


class Exchange:
    """Handles one request; the files of `traffic/changes` use it to change the response."""

    def __init__(
        self,
        link: Link,
        asked: deque[RequestHead],
        piece: Piece[RequestHead],
        requested: Inbox[Piece[RequestHead]],
        told: Inbox[Piece[ResponseHead]],
    ) -> None:
        assert piece.head is not None  # noqa: S101 - an exchange begins with a head
        self.link = link
        self.request = piece.head
        self.framing: Framing = 0
        """How the body of the response ends."""
        self.bodiless = False
        """Whether the response can't have a body."""
        self._asked = asked
        self._first = piece
        self._requested = requested
        self._told = told
        self._asking: asyncio.Task[None] | None = None
        self.is_asked = False
        """Whether the request is passed on to the server."""
        self.is_passed = False
        """Whether the server has all of the request."""
        self._answer: tuple[float, Piece[ResponseHead]]
        self._shapes = Shapes(link.gate)
        self._pace = Pace(self._shapes, to_client=True)
        self._next = Next.REQUEST

    async def run(self) -> Next:
        """Handle the request; return what the connection is for then."""
        gate, head = self.link.gate, self.request
        request = Request(head.method, head.path, headers=head.headers)
        effect = NOTHING if gate.quiet() else await gate.decide(request)
        try:
            await self._apply(effect)
            await self._end_request()
        except OverError:
            self._next = Next.OVER
        except UnclearError:
            self._next = Next.TUNNEL
        finally:
            if self._asking is not None:
                self._asking.cancel()
            self._shapes.close()
            self._told.limit = LIMIT
            self._let_go(effect)
        return self._next

    def _let_go(self, effect: RequestEffect) -> None:
        """Let go of what the effect has held; a late close is for the end of the connection."""
        late = [fault for fault, shape in effect.shapes if isinstance(shape, LateClose)]
        if late and not self.link.shapes.has(late[0]):
            self.link.keep(effect)
        else:
            self.link.gate.release(effect)

    async def _apply(self, effect: RequestEffect) -> None:
        for fault, delay in effect.delays:
            self._shapes.add(fault, delay, held=False)
        for fault, shape in effect.shapes:
            self._shapes.add(fault, shape)
        if effect.hang is not None:
            try:
                await self.link.hold_apart(effect.hang, then_go_on=True)
            except OSError:
                self.reset()
                return
            self._told.end = self.link.back
        if effect.by is not None:
            await self._shapes.delayed()
            if effect.response is not None:
                await self.reply(effect.response)
            elif effect.change is not None:
                await changes.of(effect.change).http(self, effect.change, effect.by)
            return
        self._told.limit = ON_ITS_WAY if effect.delay else LIMIT
        await self.relay()

    async def _end_request(self) -> None:
        """Wait for the rest of the request; where none will read it, end the connection."""
        if self._next is not Next.REQUEST:
            return
        if self._asking is not None and not self._asking.done():
            closed = self.link.start(self._told.finished())
            await asyncio.wait({self._asking, closed}, return_when=asyncio.FIRST_COMPLETED)
            closed.cancel()
            if not self._asking.done():
                self._next = Next.TUNNEL
        elif not self.is_asked and not self._first.last:
            while (item := await self._requested.get()) is not None and not item[1].last:
                pass

    def ask(self) -> None:
        """Pass the request on to the server."""
        self._asked.append(self.request)
        self.is_asked = True
        if self._first.last and not self._shapes:
            self.link.back.write(self._first.data)
            self._was_passed()
        else:
            self._asking = self.link.start(self._pass_request())

    async def _pass_request(self) -> None:
        pace, back = Pace(self._shapes, to_client=False), self.link.back
        arrived, piece = asyncio.get_running_loop().time(), self._first
        while True:
            data = piece.data
            while data:
                left = await pace.wait(arrived, data)
                back.write(data[: len(data) - len(left)])
                await back.drained()
                data = left
            item = None if piece.last else await self._requested.get()
            if item is None:
                self._was_passed()
                return
            arrived, piece = item

    def _was_passed(self) -> None:
        self.is_passed = True
        self.client_ended()

    def client_ended(self) -> None:
        """Pass on that the client has no more to say, if that was all."""
        if self.is_passed and self._requested.over and not self._requested:
            self.link.pass_on(self.link.front)

    async def response(self) -> ResponseHead:
        """Ask the server, and return the head of its response; interim ones are passed on."""
        self.ask()
        while True:
            if (item := await self._told.get()) is None:
                raise OverError
            arrived, piece = item
            if piece.head is None:
                await self.send(piece.data, arrived)
                raise UnclearError
            if not piece.head.interim:
                break
            await self.send(piece.data, arrived)
        self._answer = item
        status = piece.head.status
        self.framing = framing_of(piece.head, self.request)
        self.bodiless = self.request.method in {"HEAD", "CONNECT"} or status == 101 or status in {204, 304}
        return piece.head

    async def raw(self) -> AsyncIterator[tuple[float, bytes]]:
        """Yield what is left of the response's body as it comes, chunks with their sizes, and when it came."""
        while True:
            arrived, piece = self._answer
            self._answer = arrived, piece._replace(body=b"")
            if piece.body:
                yield arrived, piece.body
            if piece.last:
                return
            if (item := await self._told.get()) is None:
                if self.framing == "close" and self._told.over != "reset":
                    self._next = Next.OVER
                    return
                raise OverError
            self._answer = item

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the response's body as it comes."""
        chunks = ChunkedBody() if self.framing == "chunked" else None
        async for _, data in self.raw():
            if part := data if chunks is None else chunks.feed(data):
                yield part

    async def gather(self, most: int) -> tuple[bytes, bool]:
        """Return the response's body up to so many bytes, and whether that is all of it."""
        gathered = bytearray()
        async for part in self.body():
            gathered += part
            if len(gathered) > most:
                return bytes(gathered), False
        return bytes(gathered), True

    async def relay(self) -> None:
        """Pass the request and its response on."""
        await self.response()
        await self.pass_on()

    async def pass_on(self) -> None:
        """Pass the response on, of which nothing was sent yet."""
        arrived, piece = self._answer
        head = piece.head
        assert head is not None  # noqa: S101 - the first piece of a response
        self._answer = arrived, piece._replace(body=b"")
        await self.send(piece.data, arrived)
        await self.pass_body()
        if head.status == 101 or (self.request.method == "CONNECT" and head.status < 300):
            self._next = Next.TUNNEL

    async def pass_body(self) -> None:
        """Pass on what is left of the response's body."""
        async for arrived, data in self.raw():
            await self.send(data, arrived)

    async def send(self, data: bytes, arrived: float | None = None) -> None:
        """Send to the client what came at a time, now by default, no faster than a bandwidth and the client allow."""
        arrived = asyncio.get_running_loop().time() if arrived is None else arrived
        front = self.link.front
        while data:
            left = await self._pace.wait(arrived, data)
            front.write(data[: len(data) - len(left)])
            await front.drained()
            data = left

    async def reply(self, response: InjectedResponse) -> None:
        """Answer in the server's place."""
        keeps = self.request.keeps and (self._first.last or not self.request.expects)
        await self.send(answer_of(response, self.request, keeps=keeps))
        if not keeps:
            self.close(linger=not self._first.last)

    async def pace(self, fault: InjectedFault, data: bytes, seconds: float) -> None:
        """Send in pieces, the last after so many seconds, all at once when the fault has ended."""
        loop = asyncio.get_running_loop()
        began, sent = loop.time(), 0
        count = max(1, min(len(data), round(seconds / _PIECE_SECONDS)))
        for number in range(1, count + 1):
            await self.link.wait(fault, max(0.0, began + seconds * number / count - loop.time()))
            end = len(data) * number // count
            await self.send(data[sent:end])
            sent = end

    def slow(self, fault: InjectedFault, shape: ConnectionShape) -> None:
        """Slow what passes until a fault has ended."""
        self._shapes.add(fault, shape)

    def swallow(self) -> None:
        """Drop what the client sends."""
        self._requested.swallow()

    def close(self, *, linger: bool = False) -> None:
        """Close the connections, once what was sent is read; to `linger` leaves the client time to stop sending."""
        self._next = Next.CLOSED
        if linger:
            self.link.front.end()
            self.link.back.ended = True  # what it says is not waited for when the client closes
            asyncio.get_running_loop().call_later(_LINGER, self.link.close)
        else:
            self.link.close()

    def reset(self) -> None:
        """Reset the client's connection."""
        self._next = Next.CLOSED
        self.link.reset()
