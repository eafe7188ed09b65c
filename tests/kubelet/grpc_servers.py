"""gRPC servers for probes to ask: h2 on a socket, which says exactly what a test gives it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded
from h2.settings import SettingCodes, Settings

from tests.kubelet.http_servers import talking

HEAD = [(":status", "200"), ("content-type", "application/grpc")]
OK = [("grpc-status", "0")]

GOAWAY, RST_STREAM, DATA, HEADERS = 7, 3, 0, 1


@dataclass
class Call:
    """A call as the server sees it: `connection` counts the connections of the server from 1."""

    http2: H2Connection = field(repr=False)
    stream: int
    connection: int
    headers: dict[str, str]
    body: bytes = b""

    def head(self, *headers: tuple[str, str], end: bool = False) -> None:
        self.http2.send_headers(self.stream, [*headers] or HEAD, end_stream=end)

    def data(self, data: bytes, *, end: bool = False) -> None:
        self.http2.send_data(self.stream, data, end_stream=end)

    def trailers(self, *headers: tuple[str, str]) -> None:
        self.http2.send_headers(self.stream, [*headers] or OK, end_stream=True)

    def answer(self, body: bytes = b"\x08\x01") -> None:
        """Answer rightly, with SERVING by default."""
        self.head()
        self.data(message(body))
        self.trailers()


Script = Callable[[Call], bytes | None]
"""Answers a call; what it gives is sent as it stands, None closes the connection after what was said."""


def message(body: bytes, *, compressed: bool = False) -> bytes:
    return bytes([compressed]) + len(body).to_bytes(4) + body


def frame(kind: int, stream: int, payload: bytes, flags: int = 0) -> bytes:
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def goaway(last: int, code: int = 0, debug: bytes = b"") -> bytes:
    return frame(GOAWAY, 0, last.to_bytes(4) + code.to_bytes(4) + debug)


@dataclass
class GrpcServer:
    port: int = 0
    calls: list[Call] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def answering(
    script: Script, tls: ssl.SSLContext | None = None, *, window: int | None = None, streams: int | None = None
) -> AsyncIterator[GrpcServer]:
    """Answer calls on 127.0.0.1; with `window` a call may send so much at first, then ten bytes at a time.

    `streams` is how many calls at once the server's settings allow.
    """
    server = GrpcServer()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        number = server.connections
        http2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        granted = {SettingCodes.INITIAL_WINDOW_SIZE: window, SettingCodes.MAX_CONCURRENT_STREAMS: streams}
        http2.local_settings = Settings(False, {code: value for code, value in granted.items() if value is not None})
        http2.initiate_connection()
        writer.write(http2.data_to_send())
        while data := await reader.read(65536):
            for event in http2.receive_data(data):
                match event:
                    case RequestReceived():
                        headers = {str(name): str(value) for name, value in event.headers}
                        server.calls.append(Call(http2, event.stream_id, number, headers))
                        if window is not None:
                            http2.increment_flow_control_window(10, event.stream_id)
                    case DataReceived():
                        server.calls[-1].body += event.data
                        if window is not None and event.stream_ended is None:
                            http2.increment_flow_control_window(10, event.stream_id)
                    case StreamEnded():
                        raw = script(server.calls[-1])
                        writer.write(http2.data_to_send() + (raw or b""))
                        if raw is None:
                            return
            writer.write(http2.data_to_send())

    async with talking(talk, tls) as server.port:
        yield server
