"""One request, against servers that answer, break off, stall and refuse."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from crashy.errors import BadInput
from crashy.traffic.connection import BODY_LIMIT, Reply
from crashy.traffic.request import KeptConnections, Target, ask

Serve = Callable[[bytes | None], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a server that reads a request and sends these bytes (None: nothing, for as long as it takes)."""
    servers: list[asyncio.Server] = []
    over = asyncio.Event()

    async def start(answer: bytes | None) -> str:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            if answer is None:
                await over.wait()
            else:
                writer.write(answer)
            writer.close()

        servers.append(await asyncio.start_server(talk, "127.0.0.1", 0))
        return f"http://127.0.0.1:{servers[-1].sockets[0].getsockname()[1]}/"

    yield start
    over.set()
    for server in servers:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    ("answer", "reply"),
    [
        (b"HTTP/1.1 200 OK\r\nX-Pod: web-1\r\nContent-Length: 2\r\n\r\nok", Reply(200, "web-1", "", b"ok")),
        (b"HTTP/1.1 200 OK\r\n\r\nto the end", Reply(200, "", "", b"to the end")),
        (b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", Reply(503, "", "", b"")),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", Reply(204, "", "", b"")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", Reply(200, "", "truncated", b"ok")),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
            Reply(200, "", "truncated", b"2\r\nok\r\n"),
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Le", Reply(0, "", "reset", b"")),
        (b"", Reply(0, "", "reset", b"")),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", Reply(0, "", "malformed", b"")),
    ],
)
async def test_an_answer_is_judged_whole_or_not(serve: Serve, answer: bytes, reply: Reply) -> None:
    assert await ask(Target.of(await serve(answer)), 20) == reply


async def test_a_chunked_answer_is_whole_at_its_last_chunk(serve: Serve) -> None:
    reply = await ask(
        Target.of(await serve(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")), 20
    )

    assert (reply.status, reply.failure) == (200, "")


async def test_a_large_body_is_counted_but_not_kept(serve: Serve) -> None:
    size = BODY_LIMIT * 3
    reply = await ask(Target.of(await serve(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)), 20)

    assert (reply.status, reply.failure) == (200, "")
    assert len(reply.body) <= BODY_LIMIT + 8


async def test_silence_is_a_timeout(serve: Serve) -> None:
    assert await ask(Target.of(await serve(None)), 0.05) == Reply(failure="timeout")


async def test_a_port_nobody_listens_on_is_refused() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

        assert await ask(Target.of(f"http://127.0.0.1:{port}/"), 20) == Reply(failure="refused")


async def test_a_name_that_does_not_resolve_is_dns() -> None:
    assert (await ask(Target.of("http://no-such-host.invalid/"), 20)).failure in ("dns", "timeout")


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("https://127.0.0.1/", "must be http://"),
        ("http://", "must be http://"),
        ("http://127.0.0.1:99999/", "Port out of range"),
        ("http://[::1/", "Invalid IPv6"),
    ],
)
def test_a_bad_url_is_named(url: str, wrong: str) -> None:
    with pytest.raises(BadInput, match=wrong):
        Target.of(url)


def test_a_header_of_ones_own_replaces_the_default() -> None:
    target = Target.of("127.0.0.1:8080/a?b=c", headers=(("host", "web"), ("X-Y", "z")))

    assert target.head.startswith(b"GET /a?b=c HTTP/1.1\r\nhost: web\r\n")
    assert b"X-Y: z\r\n" in target.head


def test_a_header_can_not_smuggle_a_line() -> None:
    with pytest.raises(BadInput, match="control characters"):
        Target.of("127.0.0.1", headers=(("X", "a\r\nY: b"),))


async def test_a_kept_connection_is_used_again_until_the_server_closes_it() -> None:
    ports: list[int] = []
    ended = asyncio.Semaphore(0)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            for more in (b"", b"", b"Connection: close\r\n"):
                await reader.readuntil(b"\r\n\r\n")
                ports.append(writer.get_extra_info("peername")[1])
                writer.write(b"HTTP/1.1 200 OK\r\n" + more + b"Content-Length: 2\r\n\r\nok")
        writer.close()
        ended.release()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    kept = KeptConnections(Target.of(url, keepalive=True))
    replies = [await kept.ask(20) for _ in range(4)]
    kept.close()
    for _ in range(2):
        await ended.acquire()
    server.close()
    await server.wait_closed()

    assert [reply.status for reply in replies] == [200] * 4
    assert ports[0] == ports[1] == ports[2] != ports[3]


async def test_a_connection_that_owes_an_answer_is_not_used_again(serve: Serve) -> None:
    kept = KeptConnections(Target.of(await serve(None), keepalive=True))
    first, second = await asyncio.gather(kept.ask(0.05), kept.ask(0.05))

    assert first == second == Reply(failure="timeout")
    assert kept._idle == []
