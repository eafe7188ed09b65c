"""What clients feel of toxics, on real sockets."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator

import pytest

from tests.server.toxiproxy.server import DEADLINE, Client, Streams, Toxiproxy, echo, toxiproxy

pytestmark = [pytest.mark.timeout(60), pytest.mark.slow]


class Felt:
    """A proxy before a server that echoes, and a client's connection to it."""

    def __init__(self, api: Toxiproxy, listen: str) -> None:
        self.api = api
        self.listen = listen
        self.client = Client()

    async def connect(self) -> Streams:
        return await self.client.connect(self.listen)

    async def echoed(self, streams: Streams, data: bytes) -> float:
        """Send data; return the seconds until all of it is back."""
        reader, writer = streams
        began = time.monotonic()
        writer.write(data)
        async with asyncio.timeout(DEADLINE):
            assert await reader.readexactly(len(data)) == data
        return time.monotonic() - began


@pytest.fixture
async def felt() -> AsyncIterator[Felt]:
    async with echo() as upstream, toxiproxy() as api:
        made = await api.create(upstream)
        felt = Felt(api, made["listen"])
        yield felt
        felt.client.close()


async def test_without_toxics_all_passes_both_ways_and_so_do_half_closes(felt: Felt) -> None:
    reader, writer = await felt.connect()
    data = bytes(range(256)) * 8000

    async def send() -> None:
        writer.write(data)
        writer.write_eof()
        await writer.drain()

    async with asyncio.timeout(DEADLINE):
        _, got = await asyncio.gather(send(), reader.read())

    assert got == data


async def test_latency_is_felt_on_an_open_connection_until_it_is_removed(felt: Felt) -> None:
    streams = await felt.connect()
    await felt.echoed(streams, b"x")

    await felt.api.toxic("latency", latency=150)
    await felt.api.toxic("latency", "upstream", latency=100)
    assert await felt.echoed(streams, b"x") > 0.24

    await felt.api.ask("POST", "/reset")
    assert min([await felt.echoed(streams, b"x") for _ in range(5)]) < 0.24


async def test_latency_does_not_limit_bandwidth(felt: Felt) -> None:
    await felt.api.toxic("latency", latency=1000)

    await felt.echoed(await felt.connect(), bytes(8 << 20))  # piece after piece it would take half a minute


async def test_bandwidth(felt: Felt) -> None:
    await felt.api.toxic("bandwidth", rate=1000)

    assert await felt.echoed(await felt.connect(), bytes(500_000)) > 0.45


async def test_a_client_sends_no_faster_than_the_bandwidth_lets_it(felt: Felt) -> None:
    await felt.api.toxic("bandwidth", "upstream", rate=1)
    _, writer = await felt.connect()
    transport = writer.transport
    writer.write(bytes(64 << 20))
    before = 0
    while before != (size := transport.get_write_buffer_size()):
        before = size
        await asyncio.sleep(0.1)

    assert size > 32 << 20


async def test_a_disabled_proxy_refuses_and_has_dropped_its_connections(felt: Felt) -> None:
    reader, _ = await felt.connect()
    await felt.api.ask("POST", "/proxies/one", {"enabled": False})

    async with asyncio.timeout(DEADLINE):
        assert await reader.read() == b""
    with pytest.raises(ConnectionRefusedError):
        await felt.connect()

    await felt.api.ask("PATCH", "/proxies/one", {"enabled": True})
    await felt.echoed(await felt.connect(), b"x")


async def test_slow_close(felt: Felt) -> None:
    await felt.api.toxic("slow_close", delay=200)
    reader, writer = await felt.connect()
    began = time.monotonic()
    writer.write_eof()
    async with asyncio.timeout(DEADLINE):
        assert await reader.read() == b""

    assert time.monotonic() - began >= 0.2


async def test_timeout_swallows_what_comes_and_closes(felt: Felt) -> None:
    await felt.api.toxic("timeout", timeout=100)
    reader, writer = await felt.connect()
    writer.write(b"x")

    async with asyncio.timeout(DEADLINE):
        assert await reader.read() == b""


async def test_a_timeout_that_is_removed_closes_the_connections_that_it_acted_on(felt: Felt) -> None:
    streams = await felt.connect()
    await felt.echoed(streams, b"x")
    await felt.api.toxic("timeout", timeout=0)
    await felt.api.ask("DELETE", "/proxies/one/toxics/timeout_downstream")

    async with asyncio.timeout(DEADLINE):
        assert await streams[0].read() == b""


async def test_reset_peer(felt: Felt) -> None:
    await felt.api.toxic("reset_peer", timeout=50)
    reader, writer = await felt.connect()
    writer.write(b"x")

    with pytest.raises(ConnectionResetError):
        async with asyncio.timeout(DEADLINE):
            await reader.read()


async def test_slicer(felt: Felt) -> None:
    await felt.api.toxic("slicer", average_size=10, size_variation=5, delay=20_000)
    reader, writer = await felt.connect()
    began = time.monotonic()
    writer.write(bytes(100))
    async with asyncio.timeout(DEADLINE):
        await reader.readexactly(100)

    assert time.monotonic() - began > 0.1  # at least six pieces of at most 15 bytes


async def test_limit_data(felt: Felt) -> None:
    await felt.api.toxic("limit_data", bytes=5)
    reader, writer = await felt.connect()
    writer.write(b"0123456789")

    async with asyncio.timeout(DEADLINE):
        assert await reader.read() == b"01234"


async def test_toxicity_is_the_part_of_the_connections_that_a_toxic_acts_on(felt: Felt) -> None:
    await felt.api.toxic("limit_data", toxicity=0.5, bytes=1)
    hit = 0
    for _ in range(60):
        reader, writer = await felt.connect()
        writer.write(b"xy")
        async with asyncio.timeout(DEADLINE):
            hit += len(await reader.read(1) + await reader.read(1)) == 1
        writer.close()

    assert 15 < hit < 45


async def test_toxics_of_a_direction_act_one_after_the_other(felt: Felt) -> None:
    await felt.api.toxic("limit_data", bytes=3)
    await felt.api.toxic("latency", latency=150)
    reader, writer = await felt.connect()
    began = time.monotonic()
    writer.write(b"abcdef")
    async with asyncio.timeout(DEADLINE):
        assert await reader.read() == b"abc"

    assert time.monotonic() - began > 0.14


@pytest.mark.parametrize("seed", range(3))
async def test_toxics_that_come_change_and_go_meanwhile_lose_nothing(felt: Felt, seed: int) -> None:
    rng = random.Random(seed)
    data = rng.randbytes(2_000_000)
    slow = {
        "latency": lambda: {"latency": rng.randint(0, 30), "jitter": rng.randint(0, 30)},
        "bandwidth": lambda: {"rate": rng.randint(2000, 9000)},
        "slicer": lambda: {"average_size": rng.randint(100, 5000), "size_variation": rng.randint(0, 5000)},
        "slow_close": lambda: {"delay": rng.randint(0, 50)},
    }

    async def meddle() -> None:
        there: set[str] = set()
        while True:
            kind, stream = rng.choice([*slow]), rng.choice(["upstream", "downstream"])
            document = {"type": kind, "stream": stream, "attributes": slow[kind](), "toxicity": rng.choice([0.5, 1])}
            name = f"{kind}_{stream}"
            if name not in there:
                await felt.api.ask("POST", "/proxies/one/toxics", document)
                there.add(name)
            elif rng.random() < 0.5:
                await felt.api.ask("POST", f"/proxies/one/toxics/{name}", document)
            else:
                await felt.api.ask("DELETE", f"/proxies/one/toxics/{name}")
                there.remove(name)
            await asyncio.sleep(0.005)

    document = {"name": "pace", "type": "bandwidth", "attributes": {"rate": 4000}}  # so that it takes half a second
    await felt.api.ask("POST", "/proxies/one/toxics", document)
    reader, writer = await felt.connect()
    meddling = asyncio.create_task(meddle())
    writer.write(data)
    writer.write_eof()
    async with asyncio.timeout(DEADLINE):
        got = await reader.read()
    meddling.cancel()

    assert got == data


async def test_an_upstream_that_refuses_resets_the_connection_and_is_told_of(felt: Felt) -> None:
    made = await felt.api.create("127.0.0.1:1", "two")
    reader, _ = await felt.client.connect(made["listen"])

    with pytest.raises(ConnectionResetError):
        async with asyncio.timeout(DEADLINE):
            await reader.read()
    assert felt.api.told == [("two", "127.0.0.1:1: Connection refused")]
