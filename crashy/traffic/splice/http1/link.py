"""A connection that speaks HTTP/1.1: passed on as it comes, and where faults may act request by request."""

from __future__ import annotations

import asyncio
from collections import deque

from crashy.faults.scope import Request
from crashy.traffic.splice.ends import End, Stop
from crashy.traffic.splice.gate import Gate
from crashy.traffic.splice.http1.exchange import Exchange, Next
from crashy.traffic.splice.http1.framing import Piece, Requests, Responses, framing_of
from crashy.traffic.splice.http1.heads import RequestHead, ResponseHead, read_request, read_response
from crashy.traffic.splice.inbox import LIMIT, Inbox
from crashy.traffic.splice.link import Link, Redial
from crashy.traffic.splice.tcp import TcpLink


class HttpLink(Link):
    """Follows the framing of all that passes, so that it knows a request when a fault begins to act.

    A request that a fault may act on is handled once those before it are answered, and those after it wait.
    """

    def __init__(self, gate: Gate, front: End, back: End, redial: Redial | None = None) -> None:
        super().__init__(gate, front, back, redial)
        self.asked = deque[RequestHead]()
        """The requests that the server has and has not answered."""
        self._requests = Requests()
        self._responses = Responses(self.asked)
        self._quiet = gate.quiet
        self._exchange: Exchange | None = None
        self._answered: asyncio.Future[None] | None = None
        self._requested: Inbox[Piece[RequestHead]] | None = None
        self._told: Inbox[Piece[ResponseHead]] | None = None
        front.flow, back.flow = self._from_front, self._from_back

    def _from_front(self, data: bytes) -> None:
        # Most requests are a head that came as a whole.
        if self._requests.between and data.find(b"\r\n\r\n") == len(data) - 4:
            head = read_request(data)
            if head is not None and head.framing == 0 and self._passes(head):
                self.asked.append(head)
                self.back.transport.write(data)
                return
        pieces = self._requests.feed(data)
        for number, piece in enumerate(pieces):
            if piece.head is None and self._requests.lost:
                self._tunnel(pieces[number:])
                return
            if piece.head is not None and not self._passes(piece.head):
                self._handle(pieces[number:])
                return
            if piece.head is not None:
                self.asked.append(piece.head)
            self.back.write(piece.data)

    def _passes(self, head: RequestHead) -> bool:
        """Return whether nothing is to be done for a request but to pass it on."""
        if head.upgrades:
            return False
        return self._quiet() or self.gate.spares(Request(head.method, head.path, headers=head.headers))

    def _from_back(self, data: bytes) -> None:
        # Most responses came as a whole too.
        if self._responses.between and self.asked and (end := data.find(b"\r\n\r\n") + 4) > 3:
            head = read_response(data[:end])
            if head is not None and framing_of(head, self.asked[0]) == len(data) - end and head.status >= 200:
                self.asked.popleft()
                self.front.transport.write(data)
                self._settle()
                return
        self._responses.feed(data)
        self.front.write(data)
        if self._responses.lost and self._answered is None:
            self._tunnel([])
        else:
            self._settle()

    def _settle(self) -> None:
        if (
            self._answered is not None
            and not self._answered.done()
            and (not self.asked or self._responses.lost or self.back.ended)
        ):
            self._answered.set_result(None)

    def _handle(self, pieces: list[Piece[RequestHead]]) -> None:
        """Handle requests one by one from this one on, until no more wait."""
        self._requested = Inbox(self.front)
        self.front.flow = self._keep_request
        for piece in pieces:
            self._requested.put(piece, len(piece.data))
        self.start(self._one_by_one(self._requested))

    def _keep_request(self, data: bytes) -> None:
        for piece in self._requests.feed(data):
            if self._requested is not None:
                self._requested.put(piece, len(piece.data))
        if len(self._requests.held or b"") > LIMIT:
            self.front.stop(Stop.TOO_MUCH)

    def _keep_response(self, data: bytes) -> None:
        for piece in self._responses.feed(data):
            if self._told is not None:
                self._told.put(piece, len(piece.data))

    async def _one_by_one(self, requested: Inbox[Piece[RequestHead]]) -> None:
        if self.asked:
            self._answered = asyncio.get_running_loop().create_future()
            await self._answered
            self._answered = None
        told = self._told = Inbox[Piece[ResponseHead]](self.back)
        if self.back.ended:
            told.finish("ended")
        self.back.flow = self._keep_response
        while requested and not told.over and (item := await requested.get()):
            piece = item[1]
            if piece.head is None or self._responses.lost:
                self._tunnel([piece])
                return
            self._exchange = Exchange(self, self.asked, piece, requested, told)
            goes_on = await self._exchange.run()
            self._exchange = None
            if goes_on is Next.TUNNEL:
                self._tunnel([])
                return
            if goes_on is Next.CLOSED:
                self._requested = self._told = None
                return
            if goes_on is Next.OVER:
                break
            if self._requests.held:
                self.front.go(Stop.TOO_MUCH)
            for held in self._requests.resume():
                requested.put(held, len(held.data))
        if told or self._responses.lost:
            self._tunnel([])
            return
        self._requested = self._told = None
        if told.over:
            self.pass_on(self.back, reset=told.over == "reset")
            return
        self.front.flow, self.back.flow = self._from_front, self._from_back
        if requested.over:
            self.pass_on(self.front)

    def _tunnel(self, pieces: list[Piece[RequestHead]]) -> None:
        """Look no more into what passes: it is decided as a whole."""
        requested, told, self._requested, self._told = self._requested, self._told, None, None
        self.release(asyncio.current_task())
        link = TcpLink(self.gate, self.front, self.back)
        for piece in (*pieces, *(requested.rest() if requested else ())):
            if piece.data:
                self.front.flow(piece.data)
        if self._requests.held:
            self.front.flow(self._requests.held)
        for part in told.rest() if told else ():
            self.back.flow(part.data)
        if requested is not None and requested.over:
            link.ended(self.front)
        if told is not None and told.over == "ended":
            link.ended(self.back)
        elif told is not None and told.over:
            link.lost(self.back, reset=told.over == "reset")

    def ended(self, end: End) -> None:
        """Pass on that an end has no more to say, when what it has said was handled.

        A server that has no more to say gets the end of its connection at once: it may wait for that with its worker,
        while its last response is still on its way to the client.
        """
        if end is self.back and (self._exchange.is_passed if self._exchange else self._requests.between):
            self.back.end()
            if self._requested is None:
                self.front.flow = self.back.write  # which drops it
        if end is self.back:
            self._settle()
        inbox = self._requested if end is self.front else self._told
        if inbox is None or (self.holding and (end is self.front or self._is_cut())):
            super().ended(end)
        else:
            inbox.finish("ended")
            if end is self.front and self._exchange is not None:
                self._exchange.client_ended()

    def lost(self, end: End, *, reset: bool) -> None:
        """Pass on that an end is gone, when what it has said was handled."""
        if end is self.back and self._told is not None and not (self.holding and self._is_cut()):
            self._told.finish("reset" if reset else "closed")
        else:
            super().lost(end, reset=reset)

    def _is_cut(self) -> bool:
        """Return whether a server that ends its connection now leaves a request unanswered."""
        return self._exchange is not None and bool(self.asked) and self._exchange.framing != "close"
