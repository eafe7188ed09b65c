"""What a client gets of a response under each fault, from outside, on real sockets."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.traffic.splice.passing import DEADLINE, before, passing, until
from tests.traffic.splice.web import BIG, HELLO, App, answer, get

WHILE = 0.15  # seconds for which nothing comes


async def got(spec: str, path: str = "/", method: str = "GET", version: str = "1.1", body: bytes = b"") -> bytes:
    """Return what a client gets until the end of its connection."""
    async with passing(App()) as through:
        through.gate.inject(spec)
        return await through.ask(get(path, "Connection: close", method=method, version=version, body=body))


@pytest.mark.parametrize(
    ("spec", "line", "body"),
    [
        ("error code=503", b"HTTP/1.1 503 Service Unavailable", b"503 Service Unavailable"),
        ("error code=429 body='slow down'", b"HTTP/1.1 429 Too Many Requests", b"slow down"),
        ("error code=204", b"HTTP/1.1 204 No Content", b""),
        ("redirect path=/there", b"HTTP/1.1 302 Found", b"302 Found"),
        ("rate-limit requests=1 per=1h burst=1 every=1", b"HTTP/1.1 200 OK", HELLO),
        ("crash mode=errors", b"HTTP/1.1 500 Internal Server Error", b"500 Internal Server Error"),
    ],
)
async def test_a_fault_answers_in_the_apps_place(spec: str, line: bytes, body: bytes) -> None:
    head, _, rest = (await got(spec)).partition(b"\r\n\r\n")
    assert (head.split(b"\r\n")[0], rest) == (line, body)
    assert (b"Location: /there" in head) == spec.startswith("redirect")


async def test_a_connection_is_kept_after_an_injected_answer_and_the_app_is_not_asked() -> None:
    app = App()
    async with passing(app) as through, asyncio.timeout(DEADLINE):
        through.gate.inject("error code=503 times=3")
        reader, writer = await through.connect()
        writer.write(get("/", method="HEAD"))
        assert (await answer(reader, "HEAD")).headers["content-length"] == str(len("503 Service Unavailable"))
        writer.write(get("/echo", method="POST", body=b"x" * 300_000))
        assert (await answer(reader)).status == 503
        writer.write(get("/", version="1.0").replace(b"Host", b"Connection: keep-alive\r\nHost"))
        assert (await answer(reader)).headers["connection"] == "keep-alive"
        writer.write(get())
        assert (await answer(reader)).body == HELLO
        assert app.asked == [("GET /", b"")]
        writer.close()


async def test_a_client_that_waits_for_100_continue_gets_the_answer_and_the_end() -> None:
    async with passing(App()) as through:
        through.gate.inject("error code=503")
        told = await through.ask(get("/echo", "Content-Length: 5", "Expect: 100-continue", method="PUT"))
        assert told.startswith(b"HTTP/1.1 503")
        assert b"\r\nConnection: close\r\n" in told


async def test_latency_delays_by_request_and_leaves_the_bandwidth() -> None:
    app = App()
    async with passing(app) as through, asyncio.timeout(DEADLINE):
        through.gate.inject("latency delay=1s routes=/big")
        reader, writer = await through.connect()
        asked = time.monotonic()
        writer.write(get("/"))
        await answer(reader)
        assert time.monotonic() - asked < 1
        asked = time.monotonic()
        writer.write(get("/big"))
        await until(lambda: len(app.asked) == 2)
        assert time.monotonic() - asked < 1  # the app has it at once
        assert (await answer(reader)).body == BIG
        assert time.monotonic() - asked >= 0.99
        writer.close()


@pytest.mark.parametrize("more", ["", "error code=503"])
async def test_the_end_of_a_latency_frees_what_it_held_unless_its_times_are_its_end(more: str) -> None:
    app = App()
    async with passing(app) as through, asyncio.timeout(DEADLINE):
        fault, counted = through.gate.inject("latency delay=1h"), through.gate.inject("latency delay=200ms times=1")
        if more:
            through.gate.inject(more)
        reader, writer = await through.connect()
        asked = time.monotonic()
        writer.write(get())
        await until(lambda: fault.hits == 1)
        assert counted.state == "ended"
        through.gate.faults.recover(fault.id)
        assert (await answer(reader)).status == (503 if more else 200)
        assert time.monotonic() - asked > 0.19
        writer.close()


@pytest.mark.parametrize("path", ["/big", "/echo"])
async def test_a_bandwidth_paces_requests_and_responses(path: str) -> None:
    body, rate = b"x" * 100_000, 400_000
    async with passing(App()) as through, asyncio.timeout(DEADLINE):
        through.gate.inject(f"bandwidth rate={rate}")
        reader, writer = await through.connect()
        asked = time.monotonic()
        writer.write(get(path, method="POST" if path == "/echo" else "GET", body=body if path == "/echo" else b""))
        size = len((await answer(reader)).body) + (len(body) if path == "/echo" else 0)
        assert time.monotonic() - asked > size / rate * 0.95
        writer.close()


async def test_a_slow_close_delays_the_apps_close() -> None:
    asked = time.monotonic()
    assert (await got("slow-close delay=300ms", "/close")).endswith(HELLO)
    assert time.monotonic() - asked > 0.29


@pytest.mark.parametrize("spec", ["reset", "abort"])
async def test_reset_and_abort_ask_nobody(spec: str) -> None:
    app = App()
    async with passing(app) as through:
        through.gate.inject(spec)
        if spec == "reset":
            with pytest.raises(ConnectionResetError):
                await through.ask(get())
        else:
            assert await through.ask(get()) == b""
    assert app.asked == []


@pytest.mark.parametrize(
    ("spec", "path", "version", "head", "body"),
    [
        ("truncate", "/", "1.1", b"Content-Length: 12", HELLO[:6]),
        ("truncate keep=1%", "/empty", "1.1", b"Content-Length: 1", b""),
        ("truncate keep=90%", "/chunked", "1.1", b"Content-Length: 13", b"one,two,thr"),
        ("truncate mode=chunk", "/", "1.1", b"Transfer-Encoding: chunked", b"c\r\n" + HELLO[:6]),
        ("truncate mode=chunk", "/", "1.0", b"Content-Length: 12", HELLO[:6]),
        ("truncate keep=25%", "/big", "1.1", b"Content-Length: 307200", BIG[: len(BIG) // 4]),
    ],
)
async def test_truncate_promises_more_than_it_sends(
    spec: str, path: str, version: str, head: bytes, body: bytes
) -> None:
    fields, _, rest = (await got(spec, path, version=version)).partition(b"\r\n\r\n")
    assert head in fields.split(b"\r\n")
    assert rest == body


async def test_corrupt_flips_bytes_and_leaves_the_framing() -> None:
    for path, body in (("/", HELLO), ("/big", BIG), ("/chunked", b"one,two,three")):
        async with passing(App()) as through, asyncio.timeout(DEADLINE):
            through.gate.inject("corrupt share=25% seed=7")
            reader, writer = await through.connect()
            for _ in range(2):
                writer.write(get(path))
                flipped = (await answer(reader)).body
                assert len(flipped) == len(body)
                assert 0 < sum(one != two for one, two in zip(flipped, body, strict=True)) <= max(4, len(body) // 4)
            writer.close()


@pytest.mark.parametrize("path", ["/", "/chunked", "/close"])
async def test_drip_sends_the_head_at_once_and_the_body_slowly(path: str) -> None:
    async with passing(App()) as through, asyncio.timeout(DEADLINE):
        through.gate.inject("drip over=1s")
        reader, writer = await through.connect()
        asked = time.monotonic()
        writer.write(get(path))
        await reader.readuntil(b"\r\n\r\n")
        first = time.monotonic() - asked
        await (reader.readuntil(b"\r\n0\r\n\r\n") if path == "/chunked" else reader.readexactly(len(HELLO)))
        assert first < 1
        assert time.monotonic() - asked > 0.95
        writer.close()


@pytest.mark.parametrize("path", ["/", "/chunked"])
async def test_drip_at_a_rate(path: str) -> None:
    asked = time.monotonic()
    await got("drip rate=40", path)
    assert time.monotonic() - asked > len(HELLO) / 40 * 0.9


async def test_slow_headers_send_the_body_at_once_and_close() -> None:
    asked = time.monotonic()
    told = await got("slow-headers over=400ms", "/chunked")
    assert time.monotonic() - asked > 0.39
    assert b"Connection: close\r\n" in told
    assert told.endswith(b"three\r\n0\r\n\r\n")


async def test_a_body_is_stalled_though_the_app_closes_its_connection() -> None:
    async with passing(App()) as through, asyncio.timeout(DEADLINE):
        through.gate.inject("stall-body")
        reader, writer = await through.connect()
        writer.write(get("/", "Connection: close"))
        await reader.readuntil(b"\r\n\r\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), WHILE)
        through.gate.faults.recover()
        assert await reader.read() == HELLO
        writer.close()


async def test_a_server_that_ends_its_connection_has_the_end_of_it_while_its_answer_is_late() -> None:
    """gunicorn's sync workers wait for that before they take another request."""
    ended = asyncio.Event()

    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
        writer.write_eof()
        await reader.read()
        ended.set()
        writer.close()

    async with passing(app, "http") as through, asyncio.timeout(DEADLINE):
        through.gate.inject("latency delay=1h")
        _, writer = await through.connect()
        writer.write(get())
        await ended.wait()
        writer.close()


@pytest.mark.parametrize("path", ["/", "/chunked", "/empty", "/nothing"])
async def test_stall_body_sends_it_when_the_fault_ends(path: str) -> None:
    async with passing(App()) as through, asyncio.timeout(DEADLINE):
        fault = through.gate.inject("stall-body")
        reader, writer = await through.connect()
        writer.write(get(path))
        head = await reader.readuntil(b"\r\n\r\n")
        if path != "/nothing":
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), WHILE)
            through.gate.faults.recover(fault.id)
        match path:
            case "/nothing":
                pass
            case "/":
                assert await reader.readexactly(len(HELLO)) == HELLO
            case _:
                assert b"chunked" in head
                assert (await reader.readuntil(b"0\r\n\r\n")).endswith(b"0\r\n\r\n")
        through.gate.faults.recover()
        writer.write(get())
        assert (await answer(reader)).body == HELLO
        writer.close()


async def test_a_hang_is_answered_when_the_fault_ends_and_a_black_hole_never() -> None:
    for spec in ("freeze mode=hang", "blackhole"):
        async with passing(App()) as through, asyncio.timeout(DEADLINE):
            fault = through.gate.inject(spec)
            reader, writer = await through.connect()
            writer.write(get())
            await until(lambda fault=fault: fault.held == 1)  # type: ignore[misc]
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), WHILE)
            through.gate.faults.recover()
            assert (await reader.read(15)) == (b"" if spec == "blackhole" else b"HTTP/1.1 200 OK")
            writer.close()


@pytest.mark.parametrize("spec", ["freeze mode=hang", "blackhole", "stall-body"])
async def test_a_client_that_gives_up_lets_the_fault_end(spec: str) -> None:
    async with passing(App()) as through, asyncio.timeout(DEADLINE):
        fault = through.gate.inject(f"{spec} times=1")
        _, writer = await through.connect()
        writer.write(get())
        await until(lambda: fault.held == 1)
        writer.close()
        await until(lambda: fault.state == "ended" and not through.proxy.open)


async def test_a_client_that_goes_within_a_change_lets_a_late_close_go_too() -> None:
    async with passing(App()) as through, asyncio.timeout(DEADLINE):
        late, slow = through.gate.inject("slow-close"), through.gate.inject("slow-headers over=1h")
        _, writer = await through.connect()
        writer.write(get())
        await until(lambda: late.held == slow.held == 1)
        writer.transport.abort()
        through.proxy.close()
        await until(lambda: late.held == slow.held == 0)


async def test_faults_by_route_and_count_on_one_connection() -> None:
    async with passing(App()) as through, asyncio.timeout(DEADLINE):
        through.gate.inject("error code=503 every=2 times=2 methods=POST routes=/api/*")
        reader, writer = await through.connect()
        seen = []
        for number in range(12):
            writer.write(get("/api/x" if number % 3 else "/", method="POST"))
            seen.append((await answer(reader)).status)
        assert seen == [200, 200, 503, 200, 200, 503, *[200] * 6]
        writer.close()


@pytest.mark.parametrize("spec", ["freeze mode=hang", "blackhole"])
async def test_a_client_that_waits_keeps_no_worker_of_the_server(spec: str) -> None:
    """A server that has a worker for each connection would have none for the clients that are not hit."""
    open_connections = 0

    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_connections
        open_connections += 1
        try:
            await App()(reader, writer)
        finally:
            open_connections -= 1

    async with passing(app) as through, asyncio.timeout(DEADLINE):
        fault = through.gate.inject(spec)
        reader, writer = await through.connect()
        writer.write(get("/echo", method="POST", body=b"x" * 100_000))
        await until(lambda: fault.held == 1 and not open_connections)
        through.gate.faults.recover()
        if spec == "blackhole":
            assert await reader.read() == b""
        else:
            assert len((await answer(reader)).body) == 100_000
            writer.write(get())
            assert (await answer(reader)).body == HELLO
        writer.close()


async def test_a_hang_after_which_the_server_is_gone_ends_with_a_reset() -> None:
    server = await asyncio.start_server(App(), "127.0.0.1", 0)
    async with before(server.sockets[0].getsockname(), "http") as through, asyncio.timeout(DEADLINE):
        fault = through.gate.inject("freeze mode=hang")
        reader, writer = await through.connect()
        writer.write(get())
        await until(lambda: fault.held == 1)
        server.close()
        through.gate.faults.recover()
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
