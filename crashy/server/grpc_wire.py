"""The server's side of gRPC on an HTTP/2 connection: it reads calls and sends messages and a status.

h2 (the extra `grpc`) parses the frames and does no I/O: 1 MB of pure Python and 10 ms of start-up, against 19 MB of
grpcio, which has its own threads, so that freezing the patient's loop would not freeze it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import quote

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, Event, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError

from crashy.grpc import PREFIX, Code
from crashy.server.calls import CallError, Unanswered

MAX_REQUEST = 4096
"""The most bytes of a request's message."""

_PRINTABLE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")

_LOG = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class Call:
    """One call; `data` is its message as received."""

    connection: GrpcConnection = field(repr=False)
    stream: int
    headers: dict[str, str]
    remote: str
    data: bytearray = field(default_factory=bytearray)
    task: asyncio.Task[None] | None = None
    begun: bool = False

    @property
    def path(self) -> str:
        """Return `/package.Service/Method`."""
        return self.headers.get(":path", "")

    def message(self) -> bytes:
        """Return the request's message; raises CallError."""
        if len(self.data) > MAX_REQUEST:
            raise CallError(Code.RESOURCE_EXHAUSTED, f"received message larger than max ({MAX_REQUEST})")
        if len(self.data) < PREFIX or len(self.data) - PREFIX != int.from_bytes(self.data[1:PREFIX]):
            raise CallError(Code.INTERNAL, "the request must be one complete message")
        if self.data[0]:
            raise CallError(Code.UNIMPLEMENTED, "compressed messages are not supported")
        return bytes(self.data[PREFIX:])

    @property
    def transport(self) -> asyncio.Transport:
        """The transport of its connection, which other calls may be on."""
        return self.connection.transport

    async def send(self, message: bytes) -> None:
        """Send one message, once the client's flow control window has room for it."""
        await self.connection.send(self, framed(message))

    def begin(self, *more: tuple[str, str]) -> None:
        """Send the headers of the response; `more` instead of those of these names."""
        self.connection.begin(self, more)

    async def send_part(self, message: bytes, size: int) -> None:
        """Send a message's prefix and its first bytes."""
        await self.connection.send(self, framed(message)[: PREFIX + size])

    def reset(self) -> None:
        """Reset its stream."""
        self.connection.reset(self)


def framed(message: bytes) -> bytes:
    """Return a message with its prefix."""
    return b"\0" + len(message).to_bytes(4) + message


Handler = Callable[[Call], Awaitable[None]]


class GrpcConnection(asyncio.Protocol):
    """One client's connection: each call is handled in a task of its own, which ends with the call.

    `handler` returns for the status OK, and raises CallError for another. `header` is sent with every response.
    """

    def __init__(self, handler: Handler, header: tuple[str, str], connections: set[GrpcConnection]) -> None:
        self._handler = handler
        self._header = header
        self._connections = connections
        self._http2 = H2Connection(H2Configuration(client_side=False))
        self._calls: dict[int, Call] = {}
        self._room = asyncio.Event()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send our settings."""
        self._transport = transport  # type: ignore[assignment]  # a TCP transport is a Transport
        self._connections.add(self)
        self._http2.initiate_connection()
        self._flush()

    @property
    def transport(self) -> asyncio.Transport:
        """Return what it sends and receives by."""
        return self._transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the calls."""
        self._connections.discard(self)
        for call in self._calls.values():
            if call.task is not None:
                call.task.cancel()

    def pause_writing(self) -> None:
        """Stop reading from a client that doesn't read: responses to its pings would pile up."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Read again."""
        self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Handle the client's frames; close the connection if they are not HTTP/2."""
        try:
            for event in self._http2.receive_data(data):
                self._on_event(event)
        except ProtocolError:
            self._flush()
            self._transport.close()
            return
        self._flush()
        room, self._room = self._room, asyncio.Event()
        room.set()

    def _on_event(self, event: Event) -> None:
        match event:
            case RequestReceived(stream_id=stream):
                headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
                peer = self._transport.get_extra_info("peername")
                self._calls[stream] = Call(self, stream, headers, peer[0] if peer else "")
            case DataReceived(stream_id=stream):
                call = self._calls.get(stream)
                if call is not None and len(call.data) <= MAX_REQUEST:
                    call.data += event.data
                self._http2.acknowledge_received_data(event.flow_controlled_length, stream)
            case StreamEnded(stream_id=stream) if stream in self._calls:
                call = self._calls[stream]
                call.task = asyncio.get_running_loop().create_task(self._handle(call))
            case StreamReset(stream_id=stream):
                call = self._calls.pop(stream, None)
                if call is not None and call.task is not None:
                    call.task.cancel()
            case ConnectionTerminated():
                self._transport.close()

    async def _handle(self, call: Call) -> None:
        code: int = Code.OK
        message = ""
        try:
            await self._handler(call)
        except CallError as error:
            code, message = error.code, error.message
        except (ProtocolError, Unanswered):  # the client has disconnected, or doesn't get an answer
            return
        except Exception:  # noqa: BLE001 - the last resort: the client gets a status, the log the traceback
            _LOG.exception("%s", call.path)
            code, message = Code.INTERNAL, "Internal Server Error"
        finally:
            self._calls.pop(call.stream, None)
        self._end(call, code, message)

    async def send(self, call: Call, data: bytes) -> None:
        """Send a message's bytes on a call's stream."""
        if not call.begun:
            self._http2.send_headers(call.stream, self._head())
            call.begun = True
        while self._http2.local_flow_control_window(call.stream) < len(data):
            self._flush()  # the client may enlarge the window only after the headers
            await self._room.wait()
        self._http2.send_data(call.stream, data)
        self._flush()

    def begin(self, call: Call, more: tuple[tuple[str, str], ...]) -> None:
        """Send the headers of a response."""
        call.begun = True
        self._http2.send_headers(call.stream, list({**dict(self._head()), **dict(more)}.items()))
        self._flush()

    def reset(self, call: Call) -> None:
        """Reset a call's stream."""
        self._http2.reset_stream(call.stream, ErrorCodes.INTERNAL_ERROR)
        self._flush()

    def _end(self, call: Call, code: int, message: str) -> None:
        trailers = [("grpc-status", str(code))]
        if message:
            trailers.append(("grpc-message", quote(message, safe=_PRINTABLE)))
        with contextlib.suppress(ProtocolError):  # the client has disconnected
            self._http2.send_headers(call.stream, trailers if call.begun else self._head() + trailers, end_stream=True)
            self._flush()

    def _head(self) -> list[tuple[str, str]]:
        return [(":status", "200"), ("content-type", "application/grpc"), self._header]

    def _flush(self) -> None:
        self._transport.write(self._http2.data_to_send())

    def close(self) -> None:
        """Send GOAWAY and close; calls under way are aborted."""
        with contextlib.suppress(ProtocolError):
            self._http2.close_connection()
        self._flush()
        self._transport.close()
