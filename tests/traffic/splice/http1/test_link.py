"""HTTP/1.1 through the splice, with and without a fault that may act, on real sockets."""

from __future__ import annotations

import asyncio
import time

import pytest

from crashy.faults.scope import Request
from crashy.traffic.splice.ends import reset
from tests.traffic.splice.passing import DEADLINE, echo, passing, until
from tests.traffic.splice.web import BIG, HELLO, App, answer, get, read_head

QUIET, LOUD = "", "latency delay=0s"
"""No fault, and one that looks at each request and does nothing to it."""


@pytest.fixture(params=[QUIET, LOUD], ids=["quiet", "loud"])
def spec(request: pytest.FixtureRequest) -> str:
    """Return the fault that there is."""
    chosen: str = request.param
    return chosen


@pytest.mark.parametrize("path", ["/", "/chunked", "/empty", "/nothing", "/big"])
async def test_a_connection_is_kept_for_requests_of_any_framing(spec: str, path: str) -> None:
    bodies = {"/chunked": b"one,two,three", "/empty": b"", "/nothing": b"", "/big": BIG}
    async with passing(App(), "http") as through, asyncio.timeout(DEADLINE):
        if spec:
            through.gate.inject(spec)
        reader, writer = await through.connect()
        for _ in range(3):
            writer.write(get(path))
            assert (await answer(reader)).body == bodies.get(path, HELLO)
        assert len(through.gate.requests) == (3 if spec else 0)
        writer.close()


async def test_every_byte_arrives_by_itself(spec: str) -> None:
    app = App()
    async with passing(app) as through, asyncio.timeout(DEADLINE):
        if spec:
            through.gate.inject(spec)
        reader, writer = await through.connect()
        for byte in get("/echo", method="POST", body=b"in pieces") + get("/chunked"):
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert (await answer(reader)).body == b"in pieces"
        assert (await answer(reader)).body == b"one,two,three"
        assert app.asked == [("POST /echo", b"in pieces"), ("GET /chunked", b"")]
        writer.close()


async def test_pipelined_requests_are_answered_in_their_order(spec: str) -> None:
    async with passing(App(), "http") as through, asyncio.timeout(DEADLINE):
        if spec:
            through.gate.inject(spec)
        reader, writer = await through.connect()
        writer.write(get("/big") + get("/echo", method="POST", body=b"x" * 70_000) + get("/chunked") + get("/"))
        assert [len((await answer(reader)).body) for _ in range(4)] == [len(BIG), 70_000, 13, len(HELLO)]
        writer.close()


async def test_a_fault_that_starts_meanwhile_is_for_the_next_request() -> None:
    going, go_on = asyncio.Event(), asyncio.Event()

    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none")
        going.set()
        await go_on.wait()
        writer.write(b"two")
        await reader.read()
        writer.close()

    async with passing(app, "http") as through, asyncio.timeout(DEADLINE):
        reader, writer = await through.connect()
        writer.write(get())
        await going.wait()
        through.gate.inject("error code=503")
        writer.write(get("/next"))
        go_on.set()
        assert (await answer(reader)).body == b"onetwo"
        assert (await answer(reader)).body == b"503 Service Unavailable"
        writer.close()


async def test_a_response_until_the_end_of_the_connection(spec: str) -> None:
    async with passing(App(), "http") as through:
        if spec:
            through.gate.inject(spec)
        assert await through.ask(get("/close")) == b"HTTP/1.1 200 OK\r\n\r\n" + HELLO


async def test_the_answer_to_head_has_no_body(spec: str) -> None:
    async with passing(App(), "http") as through, asyncio.timeout(DEADLINE):
        if spec:
            through.gate.inject(spec)
        reader, writer = await through.connect()
        for _ in range(2):
            writer.write(get(method="HEAD"))
            assert (await answer(reader, "HEAD")).headers["content-length"] == str(len(HELLO))
        writer.write(get())
        assert (await answer(reader)).body == HELLO
        writer.close()


async def test_expect_100_continue_is_between_client_and_server(spec: str) -> None:
    async with passing(App(), "http") as through, asyncio.timeout(DEADLINE):
        if spec:
            through.gate.inject(spec)
        reader, writer = await through.connect()
        head = get("/echo", "Content-Length: 5", "Expect: 100-continue", method="PUT")
        writer.write(head)
        assert (await answer(reader)).status == 100
        writer.write(b"12345")
        assert (await answer(reader)).body == b"12345"
        writer.close()


async def test_an_old_client_gets_its_answer_and_the_end(spec: str) -> None:
    async with passing(App(), "any") as through:
        if spec:
            through.gate.inject(spec)
        told = await through.ask(get("/", version="1.0"))
        assert told.startswith(b"HTTP/1.1 200 OK")
        assert told.endswith(HELLO)


async def test_an_upgrade_turns_to_a_connection_that_is_decided_as_a_whole(spec: str) -> None:
    async with passing(App(), "http") as through, asyncio.timeout(DEADLINE):
        if spec:
            through.gate.inject(spec)
        reader, writer = await through.connect()
        writer.write(get("/upgrade", "Connection: upgrade", "Upgrade: echo") + b"at once")
        assert (await answer(reader)).status == 101
        assert await reader.readexactly(7) == b"at once"
        through.gate.inject("latency delay=150ms")
        asked = time.monotonic()
        writer.write(b"later")
        assert await reader.readexactly(5) == b"later"
        assert time.monotonic() - asked > 0.14
        writer.close()


async def test_an_upgrade_that_is_refused_leaves_http(spec: str) -> None:
    async with passing(App(), "http") as through, asyncio.timeout(DEADLINE):
        if spec:
            through.gate.inject(spec)
        reader, writer = await through.connect()
        writer.write(get("/", "Connection: upgrade", "Upgrade: h2c") + get("/chunked"))
        assert (await answer(reader)).body == HELLO
        assert (await answer(reader)).body == b"one,two,three"
        writer.close()


async def test_what_follows_a_request_for_an_upgrade_is_not_read_without_end() -> None:
    asked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        asked.set()
        await reader.read()
        writer.close()

    async with passing(silent, "http") as through:
        _, writer = await through.connect()
        writer.write(get("/upgrade", "Connection: upgrade", "Upgrade: echo"))
        await asked.wait()
        writer.write(b"x" * (1 << 24))
        await until(lambda: any(not end.transport.is_reading() for end in through.proxy._connections))
        writer.transport.abort()


async def test_a_client_that_goes_after_the_server_leaves_no_fault_behind() -> None:
    stalls = asyncio.Event()

    async def dying(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nhello")
        await stalls.wait()
        reset(writer.transport)

    async with passing(dying, "http") as through:
        late = through.gate.inject("slow-close delay=1s times=1")
        stalled = through.gate.inject("stall-body times=1")
        _, writer = await through.connect()
        writer.write(get())
        await until(lambda: stalled.held == 1)
        stalls.set()
        await until(lambda: len(through.proxy._connections) == 1)
        reset(writer.transport)
        await until(lambda: {late.state, stalled.state} == {"ended"})


async def test_what_is_no_http_is_passed_on_as_it_is(spec: str) -> None:
    async with passing(App(), "http") as through:
        if spec:
            through.gate.inject(spec)
        assert await through.ask(get("/odd")) == b"this is no HTTP\r\n\r\n"


async def test_an_early_answer_doesnt_wait_for_the_rest_of_the_request(spec: str) -> None:
    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.write_eof()
        while await reader.read(65536):
            pass
        writer.close()

    async with passing(app, "http") as through, asyncio.timeout(DEADLINE):
        if spec:
            through.gate.inject(spec)
        reader, writer = await through.connect()
        writer.write(get("/", "Content-Length: 1000", method="POST"))
        assert (await answer(reader)).status == 413
        assert await reader.read() == b""
        writer.close()


async def test_a_server_that_dies_within_a_response_ends_the_clients_connection(spec: str) -> None:
    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    async with passing(app, "http") as through:
        if spec:
            through.gate.inject(spec)
        assert (await through.ask(get())).endswith(b"half")


async def test_a_client_that_goes_ends_the_servers_connection(spec: str) -> None:
    gone = asyncio.Event()

    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reader.read()
        gone.set()
        writer.close()

    async with passing(app, "http") as through, asyncio.timeout(DEADLINE):
        if spec:
            through.gate.inject(spec)
        _, writer = await through.connect()
        writer.write(get())
        await writer.drain()
        writer.transport.abort()
        await gone.wait()
        await until(lambda: not through.proxy.open)


async def test_a_client_that_has_no_more_to_say_gets_its_answer(spec: str) -> None:
    async with passing(App(), "http") as through, asyncio.timeout(DEADLINE):
        if spec:
            through.gate.inject(spec)
        reader, writer = await through.connect()
        writer.write(get("/chunked"))
        writer.write_eof()
        assert (await answer(reader)).body == b"one,two,three"
        assert await reader.read() == b""
        writer.close()


async def test_requests_to_a_server_that_says_no_more_end_with_it(spec: str) -> None:
    """A server that half-closes after its response waits for the client's end: a later request must not keep it."""
    ended: list[bytes] = []

    async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        writer.write_eof()
        ended.append(await reader.read())
        writer.close()

    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failures.append(context))
    async with passing(answer_once, "http") as through, asyncio.timeout(DEADLINE):
        if spec:
            through.gate.inject(spec)
        reader, writer = await through.connect()
        writer.write(get())
        assert (await answer(reader)).body == b"hi"
        assert await reader.read() == b""
        writer.write(get() * 2)
        await until(lambda: ended == [b""])
        writer.write(get())
        writer.close()
        await until(lambda: not through.proxy.open)
    assert not failures


async def test_a_request_that_waits_for_an_answer_which_never_comes_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server ends its connection before the first of two requests is answered, and the second meets a fault."""
    asked, waits = asyncio.Event(), asyncio.Event()

    async def answer_none(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await waits.wait()
        writer.write_eof()
        await reader.read()
        writer.close()

    def spares(_request: Request) -> bool:
        waits.set()
        return False

    async with passing(answer_none, "http") as through, asyncio.timeout(DEADLINE):
        monkeypatch.setattr(through.gate, "spares", spares)
        reader, writer = await through.connect()
        writer.write(get("/first"))
        await asked.wait()
        through.gate.inject(LOUD)
        writer.write(get("/second"))
        assert await reader.read() == b""
        writer.close()
        await until(lambda: not through.proxy.open)


async def test_an_answer_to_head_is_followed_by_another_as_long_as_it_says() -> None:
    second = b"HTTP/1.1 204 No Content\r\n\r\n"

    async def both_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(second) + second)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        writer.close()

    async with passing(both_at_once, "http") as through, asyncio.timeout(DEADLINE):
        reader, writer = await through.connect()
        writer.write(get(method="HEAD") + get())
        assert (await answer(reader, "HEAD")).status == 200
        assert (await answer(reader)).status == 204
        through.gate.inject(LOUD)
        writer.write(get())
        assert (await answer(reader)).body == b"hi"
        writer.close()


async def test_much_data_keeps_to_the_readers_pace_both_ways(spec: str) -> None:
    body = bytes(range(256)) * 20_000
    async with passing(App(), "http") as through, asyncio.timeout(DEADLINE):
        if spec:
            through.gate.inject(spec)
        reader, writer = await through.connect()
        writer.write(get("/echo", method="POST", body=body))
        assert (await answer(reader)).body == body
        writer.close()


async def test_a_gate_hears_method_path_and_headers() -> None:
    async with passing(App(), "any") as through, asyncio.timeout(DEADLINE):
        through.gate.inject(LOUD)
        await through.ask(get("/api/x?q=1", "X-User: 42", method="DELETE", version="1.0"))
        (request,) = through.gate.requests
        assert (request.method, request.path, request.client, request.is_probe) == ("DELETE", "/api/x", "users", None)
        assert ("X-User", "42") in list(request.headers)


@pytest.mark.parametrize(
    "first",
    [
        b"*1\r\n$4\r\nPING\r\n",
        b"SET a b\r\n",
        b"\x16\x03\x01\x02\x00",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"get k\r\n",
    ],
)
async def test_what_doesnt_begin_as_http_is_a_connection_as_a_whole(first: bytes) -> None:
    async with passing(echo, "any") as through, asyncio.timeout(DEADLINE):
        through.gate.inject(LOUD)
        reader, writer = await through.connect()
        writer.write(first)
        assert await reader.readexactly(len(first)) == first
        assert [request.method for request in through.gate.requests] == ["CONNECTION"]
        writer.close()
