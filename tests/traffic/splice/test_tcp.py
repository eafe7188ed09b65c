"""Connections that speak no HTTP: each decided as a whole, by every fault once, on real sockets."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from tests.traffic.splice.passing import DEADLINE, echo, passing, until

WHILE = 0.15  # seconds for which nothing comes


async def banner(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speak first, as a MySQL does."""
    writer.write(b"welcome\n")
    await echo(reader, writer)


async def test_latency_delays_each_answer() -> None:
    async with passing(echo, "tcp") as through, asyncio.timeout(DEADLINE):
        reader, writer = await through.connect()
        through.gate.inject("latency delay=200ms")
        for word in (b"one", b"two"):
            asked = time.monotonic()
            writer.write(word)
            assert await reader.readexactly(3) == word
            assert time.monotonic() - asked > 0.19
        writer.close()


async def test_the_end_of_a_latency_frees_what_it_held() -> None:
    async with passing(echo, "tcp") as through, asyncio.timeout(DEADLINE):
        reader, writer = await through.connect()
        fault = through.gate.inject("latency delay=1h")
        writer.write(b"held")
        await until(lambda: fault.hits == 1)
        through.gate.faults.recover()
        assert await reader.readexactly(4) == b"held"
        writer.close()


async def test_latency_leaves_the_bandwidth() -> None:
    """Ten times as much as could pass if each piece waited for the one before it."""
    payload = bytes(4_000_000)
    async with passing(echo, "tcp") as through, asyncio.timeout(DEADLINE):
        through.gate.inject("latency delay=300ms")
        reader, writer = await through.connect()
        asked = time.monotonic()
        writer.write(payload)
        writer.write_eof()
        assert await reader.read() == payload
        assert 0.29 < time.monotonic() - asked < 9
        writer.close()


@pytest.mark.parametrize("upwards", [True, False])
async def test_a_bandwidth_paces_either_direction(upwards: bool) -> None:
    size, rate = 150_000, 300_000
    arrived = asyncio.Event()

    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if upwards:
            await reader.readexactly(size)
        else:
            await reader.readexactly(1)
            writer.write(bytes(size))
        arrived.set()
        await echo(reader, writer)

    async with passing(app, "tcp") as through, asyncio.timeout(DEADLINE):
        through.gate.inject(f"bandwidth rate={rate}")
        reader, writer = await through.connect()
        asked = time.monotonic()
        writer.write(bytes(size) if upwards else b"?")
        if upwards:
            await arrived.wait()
        else:
            await reader.readexactly(size)
        assert size / rate * 0.95 < time.monotonic() - asked < size / rate * 10
        writer.close()


async def test_latency_and_a_bandwidth_act_together_and_end_each_by_itself() -> None:
    async with passing(echo, "tcp") as through, asyncio.timeout(DEADLINE):
        slow, late = through.gate.inject("bandwidth rate=100"), through.gate.inject("latency delay=200ms")
        reader, writer = await through.connect()
        asked = time.monotonic()
        writer.write(bytes(20))
        await reader.readexactly(20)
        assert time.monotonic() - asked > 0.38  # 200 ms until the last byte is there, and the delay
        through.gate.faults.recover(slow.id)
        asked = time.monotonic()
        writer.write(bytes(10_000))  # which would take 100 s each way
        await reader.readexactly(10_000)
        assert time.monotonic() - asked > 0.19
        assert late.state == "active"
        writer.close()


async def test_a_fault_that_starts_decides_about_open_connections_once_and_the_others_not_again() -> None:
    async with passing(echo, "tcp") as through, asyncio.timeout(DEADLINE):
        first = through.gate.inject("latency delay=1ms")
        reader, writer = await through.connect()
        for _ in range(3):
            writer.write(b"x")
            await reader.readexactly(1)
        second = through.gate.inject("bandwidth rate=1Mi")
        for _ in range(3):
            writer.write(b"x")
            await reader.readexactly(1)
        assert (first.seen, second.seen) == (1, 1)
        writer.close()


async def test_the_next_connection_alone_is_slow_as_long_as_it_lasts() -> None:
    async with passing(echo, "tcp") as through, asyncio.timeout(DEADLINE):
        fault = through.gate.inject("latency delay=500ms times=1")
        _, writer = await through.connect()
        writer.write(b"x")
        await until(lambda: fault.hits == 1)
        other, second = await through.connect()
        second.write(b"x")
        await other.readexactly(1)
        assert fault.state == "active"
        writer.close()
        await until(lambda: fault.state == "ended")
        second.close()


async def test_a_slow_close_is_the_servers_alone() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(3))
        writer.close()

    async with passing(hang_up, "tcp") as through, asyncio.timeout(DEADLINE):
        through.gate.inject("slow-close delay=1s")
        reader, writer = await through.connect()
        asked = time.monotonic()
        writer.write(b"bye")
        assert await reader.readexactly(3) == b"bye"
        assert time.monotonic() - asked < 1
        assert await reader.read() == b""
        assert time.monotonic() - asked >= 1
        writer.close()


async def test_reset_and_abort_end_a_connection_at_its_next_data() -> None:
    for spec in ("reset", "abort"):
        async with passing(echo, "tcp") as through, asyncio.timeout(DEADLINE):
            reader, writer = await through.connect()
            writer.write(b"x")
            assert await reader.readexactly(1) == b"x"
            through.gate.inject(spec)
            writer.write(b"y")
            if spec == "abort":
                assert await reader.read() == b""
            else:
                with pytest.raises(ConnectionResetError):
                    await reader.read()
            writer.close()


async def test_a_black_hole_swallows_and_closes_at_its_end() -> None:
    async with passing(echo, "tcp") as through, asyncio.timeout(DEADLINE):
        fault = through.gate.inject("blackhole")
        reader, writer = await through.connect()
        writer.write(bytes(3_000_000))
        await asyncio.wait_for(writer.drain(), DEADLINE)
        await until(lambda: fault.held == 1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), WHILE)
        through.gate.faults.recover()
        assert await reader.read() == b""
        writer.close()


async def test_a_hang_holds_until_the_fault_ends() -> None:
    async with passing(banner) as through, asyncio.timeout(DEADLINE):
        through.gate.inject("freeze mode=hang")
        reader, writer = await through.connect()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), WHILE)
        through.gate.faults.recover()
        assert await reader.readexactly(8) == b"welcome\n"
        writer.close()


@pytest.mark.parametrize("spec", ["freeze mode=hang times=1", "blackhole times=1"])
async def test_a_client_that_goes_lets_a_fault_end(spec: str) -> None:
    async with passing(echo, "tcp") as through, asyncio.timeout(DEADLINE):
        fault = through.gate.inject(spec)
        _, writer = await through.connect()
        writer.write(b"x")
        await until(lambda: fault.held == 1)
        writer.close()
        await until(lambda: fault.state == "ended" and not through.proxy.open)


async def test_truncate_cuts_the_servers_next_data() -> None:
    async with passing(echo, "tcp") as through:
        through.gate.inject("truncate keep=30%")
        assert await through.ask(b"0123456789") == b"012"


async def test_drip_at_a_rate_slows_what_the_server_sends() -> None:
    async with passing(echo, "tcp") as through, asyncio.timeout(DEADLINE):
        through.gate.inject("drip rate=1000")
        reader, writer = await through.connect()
        asked = time.monotonic()
        writer.write(bytes(300))
        await reader.readexactly(300)
        assert time.monotonic() - asked > 0.28
        writer.close()


async def test_a_deaf_server_resets_new_connections_and_keeps_the_old() -> None:
    async with passing(echo, "tcp") as through, asyncio.timeout(DEADLINE):
        reader, writer = await through.connect()
        writer.write(b"x")
        await reader.readexactly(1)
        through.gate.is_deaf = True
        with pytest.raises(ConnectionResetError):
            await through.ask(b"x")
        writer.write(b"y")
        assert await reader.readexactly(1) == b"y"
        writer.close()


async def test_a_half_close_comes_after_what_is_delayed() -> None:
    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"%d" % len(await reader.read()))
        writer.close()

    for spec in ("latency delay=50ms", "bandwidth rate=10Mi"):
        async with passing(count, "tcp") as through, asyncio.timeout(DEADLINE):
            through.gate.inject(spec)
            reader, writer = await through.connect()
            writer.write(bytes(100_000))
            writer.write_eof()
            assert await reader.read() == b"100000"
            writer.close()


async def test_a_server_that_dies_resets_its_client_after_what_it_said() -> None:
    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    async with passing(die, "tcp") as through:
        through.gate.inject("latency delay=50ms")
        with pytest.raises(ConnectionResetError):
            await through.ask(b"x")


async def test_much_data_under_a_fault_keeps_to_the_readers_pace() -> None:
    payload = bytes(range(256)) * 20_000
    async with passing(echo, "tcp") as through, asyncio.timeout(DEADLINE):
        through.gate.inject("bandwidth rate=100Mi")
        reader, writer = await through.connect()

        async def send() -> None:
            writer.write(payload)
            await writer.drain()
            writer.write_eof()

        sending = asyncio.create_task(send())
        await asyncio.sleep(WHILE)
        assert await reader.read() == payload
        await sending
        writer.close()
