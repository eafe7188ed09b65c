"""Connections that nothing is done to, on real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from crashy.engines.lab.running import _raise_descriptor_limit
from crashy.traffic.splice.proxy import Proxy
from crashy.traffic.splice.upstream import Upstream

Address = tuple[str, int]
DEADLINE = 20.0


class Service:
    """A proxy whose one endpoint can be set."""

    def __init__(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.address: Address = listener.getsockname()
        self.endpoint: Address | None = None
        self.proxy = Proxy(listener, lambda: Upstream(*self.endpoint) if self.endpoint else None)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self.address)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    made = Service()
    await made.proxy.start()
    yield made
    made.proxy.close()
    await asyncio.sleep(0)


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Serve = Callable[[Handler], Awaitable[Address]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    servers: list[asyncio.Server] = []

    async def start(handler: Handler) -> Address:
        server = await asyncio.start_server(handler, "127.0.0.1", 0)
        servers.append(server)
        address: Address = server.sockets[0].getsockname()
        return address

    yield start
    for server in servers:
        server.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write(b"bye")
    writer.close()


def saying(word: bytes) -> Handler:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(word)
        await reader.read()
        writer.close()

    return say


async def test_bytes_go_both_ways_and_a_half_close_is_passed_on(service: Service, serve: Serve) -> None:
    service.endpoint = await serve(echo)
    reader, writer = await service.connect()
    writer.write(b"hello")
    async with asyncio.timeout(DEADLINE):
        assert await reader.readexactly(5) == b"hello"
        writer.write_eof()
        assert await reader.read() == b"bye"
    writer.close()


async def test_much_data_flows_at_the_pace_of_the_slower_side(service: Service, serve: Serve) -> None:
    service.endpoint = await serve(echo)
    reader, writer = await service.connect()
    payload = bytes(range(256)) * 40_000

    async def send() -> None:
        writer.write(payload)
        await writer.drain()
        writer.write_eof()

    async with asyncio.timeout(DEADLINE):
        sending = asyncio.create_task(send())
        assert await reader.read(-1) == payload + b"bye"
        await sending
    writer.close()


async def test_with_no_endpoint_the_connection_is_reset(service: Service) -> None:
    reader, writer = await service.connect()
    with pytest.raises(ConnectionResetError):
        async with asyncio.timeout(DEADLINE):
            await reader.read()
    writer.close()


async def test_an_endpoint_that_refuses_resets_the_connection(service: Service) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        service.endpoint = closed.getsockname()
    reader, writer = await service.connect()
    with pytest.raises(ConnectionResetError):
        async with asyncio.timeout(DEADLINE):
            await reader.read()
    writer.close()


async def test_an_endpoint_whose_name_can_be_none_resets_the_connection() -> None:
    told: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))
    proxy = Proxy(listener, lambda: Upstream("a" * 64 + ".example", 80), told=told.append)
    await proxy.start()
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    with pytest.raises(ConnectionResetError):
        async with asyncio.timeout(DEADLINE):
            await reader.read()
    writer.close()
    proxy.close()
    assert told == ["its name is none that could be looked up"]


async def test_an_endpoint_that_dies_resets_its_connections(service: Service, serve: Serve) -> None:
    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    service.endpoint = await serve(die)
    reader, writer = await service.connect()
    writer.write(b"x")
    with pytest.raises(ConnectionResetError):
        async with asyncio.timeout(DEADLINE):
            await reader.read()
    writer.close()


async def test_a_connection_stays_with_an_endpoint_that_has_left(service: Service, serve: Serve) -> None:
    service.endpoint = await serve(echo)
    reader, writer = await service.connect()
    writer.write(b"a")
    async with asyncio.timeout(DEADLINE):
        await reader.readexactly(1)
        service.endpoint = await serve(saying(b"new"))
        other, second = await service.connect()
        assert await other.readexactly(3) == b"new"
        writer.write(b"b")
        assert await reader.readexactly(1) == b"b"
    writer.close()
    second.close()


async def test_three_hundred_connections_at_once(service: Service, serve: Serve) -> None:
    _raise_descriptor_limit()
    service.endpoint = await serve(echo)

    async def one(number: int) -> bool:
        reader, writer = await service.connect()
        word = b"%d" % number
        writer.write(word)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        return answer == word + b"bye"

    async with asyncio.timeout(DEADLINE):
        assert all(await asyncio.gather(*map(one, range(300))))


async def test_closing_ends_every_connection(service: Service, serve: Serve) -> None:
    service.endpoint = await serve(echo)
    reader, writer = await service.connect()
    writer.write(b"a")
    async with asyncio.timeout(DEADLINE):
        await reader.readexactly(1)
        service.proxy.close()
        assert await reader.read() == b""
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await service.connect()
