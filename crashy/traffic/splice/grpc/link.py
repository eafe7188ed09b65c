"""The connection of a kubelet's grpc probe: its one call is decided as a request, `POST` of Check."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import quote

from crashy.faults.effects import InjectedResponse
from crashy.faults.injected import NOTHING, InjectedFault, RequestEffect
from crashy.faults.scope import Request
from crashy.grpc import CHECK, OF_HTTP, Code, Serving
from crashy.traffic import changes
from crashy.traffic.splice.ends import End
from crashy.traffic.splice.gate import Gate
from crashy.traffic.splice.grpc import frames
from crashy.traffic.splice.grpc.frames import Frame, Frames, Kind
from crashy.traffic.splice.inbox import Inbox
from crashy.traffic.splice.link import Link
from crashy.traffic.splice.shapes import Pace
from crashy.traffic.splice.tcp import TcpLink

_PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")


class OverError(Exception):
    """The server's connection is over before its answer was."""


class GrpcLink(Link):
    """Passes on what is about the connection, and holds the call until it is decided."""

    def __init__(self, gate: Gate, front: End, back: End) -> None:
        super().__init__(gate, front, back)
        self._asked, self._told = Frames(frames.PREFACE), Frames()
        self._stream = 0
        self._call: list[Frame] = []
        self._passes = False
        self._is_asked = self._is_over = False
        self._answers = Inbox[Frame](back)
        self._head = self._trailers = b""
        front.flow, back.flow = self._from_front, self._from_back

    def _from_front(self, data: bytes) -> None:
        for frame in self._asked.feed(data):
            if frame.stream == 0 or self._passes:
                self.back.write(frame.raw)
                continue
            self._stream = self._stream or frame.stream
            self._call.append(frame)
            if frame.ends and not self._is_asked:
                self._is_asked = True
                self.start(self._decide())
        if self._asked.lost:
            self._no_http2()

    def _from_back(self, data: bytes) -> None:
        for frame in self._told.feed(data):
            if frame.stream == 0 or self._is_over:
                self.front.write(frame.raw)
            else:
                self._answers.put(frame, len(frame.raw))
        if self._told.lost:
            self._no_http2()

    def _no_http2(self) -> None:
        """Decide the connection as a whole."""
        TcpLink(self.gate, self.front, self.back)
        for end, waiting in ((self.front, self._asked.rest()), (self.back, self._told.rest())):
            if waiting:
                end.flow(waiting)

    async def _decide(self) -> None:
        effect = NOTHING if self.gate.quiet() else await self.gate.decide(Request("POST", CHECK))
        self.keep(effect)
        for fault, delay in effect.delays:
            self.shapes.add(fault, delay, held=False)
        with suppress(OverError):
            await self._apply(effect)
        self._is_over = True
        if self._answers.over:
            self.pass_on(self.back, reset=self._answers.over == "reset")

    async def _apply(self, effect: RequestEffect) -> None:
        if effect.hang is not None:
            await self.hold(effect.hang)
        if effect.by is None:
            await self.relay()
            return
        await self.shapes.delayed()
        if effect.response is not None:
            self.reply(effect.response, effect.by)
        elif effect.change is not None:
            await changes.of(effect.change).grpc(self, effect.change, effect.by)

    def ask(self) -> None:
        """Pass the call on to the server."""
        self._passes = True
        self.back.write(b"".join(frame.raw for frame in self._call))

    async def relay(self) -> None:
        """Pass the call and its answer on."""
        self.ask()
        pace = Pace(self.shapes, to_client=True)
        while True:
            arrived, frame = await self._next()
            data = frame.raw
            while data:
                left = await pace.wait(arrived, data)
                self.front.write(data[: len(data) - len(left)])
                data = left
            if frame.ends:
                return

    async def _next(self) -> tuple[float, Frame]:
        if (item := await self._answers.get()) is None:
            raise OverError
        return item

    async def message(self) -> bytes:
        """Pass the call on, and return the bytes of the answer's message, with its prefix."""
        self.ask()
        message = b""
        while True:
            _, frame = await self._next()
            if frame.kind == Kind.DATA:
                message += frame.data
            elif frame.kind in {Kind.HEADERS, Kind.CONTINUATION} and not message and not frame.ends:
                self._head += frame.raw
            else:
                self._trailers += frame.raw
            if frame.ends:
                if frame.kind == Kind.DATA:
                    self._trailers = frames.frame(Kind.DATA, self._stream, b"", frames.END_STREAM)
                return message

    def begin(self) -> None:
        """Send the headers of the app's answer."""
        self.front.write(self._head)

    def send(self, message: bytes) -> None:
        """Send bytes of a message."""
        if message:
            self.front.write(frames.data(self._stream, message))

    def finish(self) -> None:
        """Send the end of the app's answer."""
        self.front.write(self._trailers)

    def drop(self) -> None:
        """End the call by an error."""
        self.front.write(frames.reset(self._stream))

    def reply(self, response: InjectedResponse, by: InjectedFault) -> None:
        """Answer in the app's place: a probe's fault with NOT_SERVING, another with an error."""
        head = [(":status", "200"), ("content-type", "application/grpc")]
        stream = self._stream
        if by.fault.failing():
            message = bytes((0x08, Serving.NOT_SERVING))
            told = frames.headers(stream, head) + frames.data(stream, b"\0" + len(message).to_bytes(4) + message)
            self.front.write(told + frames.headers(stream, [("grpc-status", "0")], last=True))
            return
        code = OF_HTTP.get(response.status, Code.UNKNOWN)
        failed = [("grpc-status", str(int(code))), ("grpc-message", quote(response.text, safe=_PRINTABLE))]
        self.front.write(frames.headers(stream, head + failed, last=True))

    def ended(self, end: End) -> None:
        """Pass on that an end has no more to say, when what it has said was handled."""
        if end is self.back and self._passes and not self._is_over:
            self._answers.finish("ended")
        else:
            super().ended(end)

    def lost(self, end: End, *, reset: bool) -> None:
        """Pass on that an end is gone, when what it has said was handled."""
        if end is self.back and self._passes and not self._is_over:
            self._answers.finish("reset" if reset else "closed")
        else:
            super().lost(end, reset=reset)
