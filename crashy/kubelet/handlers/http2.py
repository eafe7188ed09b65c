"""One gRPC call on an HTTP/2 connection of its own.

The frames are h2's: pure Python, well maintained, and without I/O, so that a probe can distinguish the same moments as
the kubelet (connected, settings received, response). grpclib hides them and needs protobuf; grpcio is 19 MB of C++.

Source of the rules and texts: grpc-go: internal/transport/http2_client.go.
"""

from __future__ import annotations

import contextlib
from typing import ClassVar

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event, StreamEnded, StreamReset
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

from crashy.grpc import Code
from crashy.kubelet.handlers.dial import Dial
from crashy.kubelet.handlers.grpc_response import UnaryResponse
from crashy.kubelet.handlers.http1 import Connection, open_connection
from crashy.kubelet.handlers.judge import RpcError, WireError

_MAX_FRAME = 16384
_FRAME_HEAD = 9
_SETTINGS, _GOAWAY = 4, 7
_ERRORS = {code.value: code.name for code in ErrorCodes}


class UnprocessedError(RpcError):
    """The server did not process the call."""


class Channel:
    """A connection whose settings were received; once `draining`, it takes no more calls."""

    _OF_RESET: ClassVar[dict[int, Code]] = {
        ErrorCodes.FLOW_CONTROL_ERROR: Code.RESOURCE_EXHAUSTED,
        ErrorCodes.REFUSED_STREAM: Code.UNAVAILABLE,
        ErrorCodes.CANCEL: Code.CANCELED,
        ErrorCodes.ENHANCE_YOUR_CALM: Code.RESOURCE_EXHAUSTED,
        ErrorCodes.INADEQUATE_SECURITY: Code.PERMISSION_DENIED,
    }

    def __init__(self, connection: Connection) -> None:
        self.draining = False
        self._connection = connection
        self._http2 = H2Connection(H2Configuration(client_side=True))
        self._http2.local_settings = Settings(client=True, initial_values={SettingCodes.ENABLE_PUSH: 0})
        self._goaway = ""

    @classmethod
    async def open(cls, host: str, port: int, dial: Dial) -> Channel:
        """Connect and exchange settings; raises WireError."""
        try:
            connection = await open_connection(host, port, tls=False, dial=dial)
        except WireError as error:
            raise WireError(f"transport: Error while dialing: {error}") from None
        channel = cls(connection)
        try:
            channel._http2.initiate_connection()
            channel._flush()
            await channel._frame(expected=_SETTINGS)
        except WireError as error:
            connection.close()
            raise WireError(f"error reading server preface: {error}") from None
        except BaseException:
            connection.close()
            raise
        return channel

    def close(self) -> None:
        """Send GOAWAY and close without waiting for the server."""
        with contextlib.suppress(ProtocolError):  # already closed by a protocol error of the server
            self._http2.close_connection(additional_data=b"client transport shutdown")
        self._flush()
        self._connection.close()

    async def unary(self, headers: list[tuple[str, str]], message: bytes) -> bytes:
        """Send one message and return the response; raises RpcError."""
        try:
            return await self._exchange(headers, b"\0" + len(message).to_bytes(4) + message)
        except WireError as error:
            reason = f"error reading from server: {error}"
            if self._goaway:
                reason = f'closing transport due to: connection error: desc = "{reason}", received prior goaway: '
                reason += self._goaway
            raise RpcError(Code.UNAVAILABLE, reason) from None

    async def _exchange(self, headers: list[tuple[str, str]], framed: bytes) -> bytes:
        http2 = self._http2
        stream = http2.get_next_available_stream_id()
        while http2.open_outbound_streams >= http2.remote_settings.max_concurrent_streams:
            await self._frame(stream)
        http2.send_headers(stream, headers)
        unsent: bytes | None = framed
        response = UnaryResponse()
        while True:
            unsent = self._send(stream, unsent)
            for event in await self._frame(stream):
                if getattr(event, "stream_id", None) != stream:
                    continue
                if isinstance(event, StreamEnded):
                    return response.message()
                if isinstance(event, StreamReset):
                    raise self._reset(event.error_code)
                response.take(event)
                if isinstance(event, DataReceived):
                    http2.acknowledge_received_data(event.flow_controlled_length, stream)

    def _send(self, stream: int, unsent: bytes | None) -> bytes | None:
        """Send as much as flow control allows now and return the rest; None once all is sent."""
        while unsent is not None:
            size = min(self._http2.local_flow_control_window(stream), self._http2.max_outbound_frame_size)
            if size <= 0:
                break
            last = size >= len(unsent)
            self._http2.send_data(stream, unsent[:size], end_stream=last)
            unsent = None if last else unsent[size:]
        self._flush()
        return unsent

    def _flush(self) -> None:
        self._connection.writer.write(self._http2.data_to_send())

    async def _frame(self, stream: int = 0, expected: int | None = None) -> list[Event]:
        """Read one frame and send what HTTP/2 requires; raises WireError, and UnprocessedError for a GOAWAY.

        A GOAWAY is handled here: after one, h2 accepts no more responses, though those of older calls may still arrive.
        """
        head = await self._connection.exactly(_FRAME_HEAD)
        size, kind = int.from_bytes(head[:3]), head[3]
        if size > _MAX_FRAME:
            raise WireError("http2: frame too large")
        if expected is not None and kind != expected:
            raise WireError("initial http2 frame from server is not a settings frame")
        payload = await self._connection.exactly(size) if size else b""
        if kind == _GOAWAY:
            self._warned(payload, stream)
            return []
        try:
            events = self._http2.receive_data(head + payload)
        except ProtocolError as error:
            raise WireError(f"connection error: {_name(error.error_code)}") from None
        self._flush()
        return events

    def _warned(self, payload: bytes, stream: int) -> None:
        self.draining = True
        last, code, debug = int.from_bytes(payload[:4]) & 0x7FFFFFFF, int.from_bytes(payload[4:8]), payload[8:]
        self._goaway = f"code: {_name(code)}" + (f', debug data: "{debug.decode(errors="replace")}"' if debug else "")
        if stream > last:
            raise UnprocessedError(Code.UNAVAILABLE, "the connection is draining")

    def _reset(self, code: int) -> RpcError:
        status = self._OF_RESET.get(code, Code.INTERNAL if code in _ERRORS else Code.UNKNOWN)
        text = f"stream terminated by RST_STREAM with error code: {_name(code)}"
        return UnprocessedError(status, text) if code == ErrorCodes.REFUSED_STREAM else RpcError(status, text)


def _name(code: int) -> str:
    return _ERRORS.get(code, f"unknown error code {code:#x}")
