"""The response of a unary gRPC call, judged as grpc-go judges it.

Source of the rules and texts: grpc-go: internal/transport/http2_client.go, http_util.go, rpc_util.go, stream.go.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from urllib.parse import unquote

from h2.events import DataReceived, Event, ResponseReceived, TrailersReceived
from hpack.struct import Header

from crashy.grpc import OF_HTTP, PREFIX, Code
from crashy.kubelet.handlers.judge import RpcError

MAX_MESSAGE = 4 << 20
"""The most bytes of a response's message."""

_GRPC = re.compile(r"application/grpc([+;].*)?")


_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class UnaryResponse:
    """The received part of the response to a call."""

    def __init__(self) -> None:
        self._encoding = ""
        self._data = bytearray()
        self._trailers: dict[str, str] | None = None

    def take(self, event: Event) -> None:
        """Add the next event; raises RpcError as soon as the response is invalid."""
        match event:
            case ResponseReceived():
                headers = _fields(event.headers)
                self._begin(headers)
                if event.stream_ended is not None:
                    self._trailers = headers
            case DataReceived():
                self._data += event.data
                self._check()
            case TrailersReceived():
                self._trailers = _fields(event.headers)

    def _begin(self, headers: dict[str, str]) -> None:
        status, content_type = _number(headers.get(":status", ""), "http-status"), headers.get("content-type")
        self._encoding = headers.get("grpc-encoding", "identity")
        wrong = []
        if status != 200:
            phrase = _PHRASES.get(status, "")
            wrong.append(f"unexpected HTTP status code received from server: {status} ({phrase})")
        if content_type is None:
            wrong.append("malformed header: missing HTTP content-type")
        elif not _GRPC.fullmatch(content_type.lower()):
            wrong.append(f'transport: received unexpected content-type "{content_type}"')
        if wrong:
            raise RpcError(OF_HTTP.get(status, Code.UNKNOWN), "; ".join(wrong))

    def _check(self) -> None:
        if len(self._data) < PREFIX:
            return
        size = int.from_bytes(self._data[1:PREFIX])
        if self._data[0]:
            known = self._encoding in {"", "identity"}
            reason = "compressed flag set with identity or empty encoding"
            if not known:
                reason = f'Decompressor is not installed for grpc-encoding "{self._encoding}"'
            raise RpcError(Code.INTERNAL, f"grpc: {reason}")
        if size > MAX_MESSAGE:
            raise RpcError(
                Code.RESOURCE_EXHAUSTED, f"grpc: received message larger than max ({size} vs. {MAX_MESSAGE})"
            )
        if len(self._data) > PREFIX + size:
            reason = "cardinality violation: expected <EOF> for non server-streaming RPCs, but received another message"
            raise RpcError(Code.INTERNAL, reason)

    def message(self) -> bytes:
        """Return the message of the complete response; raises RpcError."""
        if self._trailers is None:
            raise RpcError(Code.INTERNAL, "server closed the stream without sending trailers")
        status = _number(self._trailers.get("grpc-status", "2"), "grpc-status")
        if status:
            raise RpcError(status, unquote(self._trailers.get("grpc-message", "")))
        if not self._data:
            reason = "cardinality violation: received no response message from non-server-streaming RPC"
            raise RpcError(Code.INTERNAL, reason)
        if len(self._data) < PREFIX or len(self._data) - PREFIX < int.from_bytes(self._data[1:PREFIX]):
            raise RpcError(Code.INTERNAL, "unexpected EOF")
        return bytes(self._data[PREFIX:])


def _fields(headers: list[Header]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("utf-8", "replace") for name, value in headers}


def _number(text: str, name: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        reason = f'transport: malformed {name}: strconv.ParseInt: parsing "{text}": invalid syntax'
        raise RpcError(Code.INTERNAL, reason)
    return int(text)
