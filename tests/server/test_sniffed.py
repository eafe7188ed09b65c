"""One port for HTTP/1.1 and for gRPC."""

from __future__ import annotations

import asyncio

import pytest

from crashy.server.sniffed import Sniffed


class Named(asyncio.Protocol):
    """Answers with its name and what it was sent first."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(self._name.encode() + b" " + data)
        self._transport.close()


@pytest.mark.parametrize(
    ("sent", "protocol"), [(b"GET / HTTP/1.1\r\n\r\n", b"http "), (b"PRI * HTTP/2.0\r\n\r\n", b"grpc ")]
)
async def test_the_first_bytes_choose_the_protocol(sent: bytes, protocol: bytes) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Sniffed(lambda: Named("http"), lambda: Named("grpc")), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(sent)

        assert await reader.read() == protocol + sent
        writer.close()
        await writer.wait_closed()


class Wire(asyncio.Transport):
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("segments", "answer"),
    [
        ([b"P", b"RI * HTTP/2.0\r\n\r\n"], b"grpc PRI * HTTP/2.0\r\n\r\n"),
        ([b"PRI * HTTP/", b"2.", b"0"], b"grpc PRI * HTTP/2.0"),
        ([b"P", b"OST / HTTP/1.1\r\n"], b"http POST / HTTP/1.1\r\n"),
        ([b"P"], b""),
    ],
)
def test_a_preface_in_several_segments_is_one(segments: list[bytes], answer: bytes) -> None:
    wire = Wire()
    sniffed = Sniffed(lambda: Named("http"), lambda: Named("grpc"))
    sniffed.connection_made(wire)
    for segment in segments:
        sniffed.data_received(segment)

    assert wire.written == answer
