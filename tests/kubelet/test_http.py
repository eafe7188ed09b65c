"""The httpGet probe's judgement. kubelet: pkg/probe/http/http_test.go; texts as in events of real clusters."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from pathlib import Path

import pytest

from crashy.kubelet.handlers.dial import direct
from crashy.kubelet.handlers.http import probe_http
from crashy.kubelet.handlers.http1 import open_connection
from crashy.kubelet.outcome import Outcome, Result, Stored
from crashy.kubelet.versions import PROFILES
from crashy.kubelet.worker import ContainerView, Worker, retry
from crashy.objects.pod import HTTPGet, Probe, ProbeType
from tests.kubelet.cases import Expect, Means, case
from tests.kubelet.http_servers import Server, response, serving, talking

BROKEN = "net/http: HTTP/1.x transport connection broken: "
AWAITING = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
READING = "context deadline exceeded (Client.Timeout or context cancellation while reading body)"


async def ask(
    server: Server | int, path: str = "/", *, timeout: float = 20, scheme: str = "HTTP", version: str = "1.36"
) -> Outcome:
    port = server if isinstance(server, int) else server.port
    probe = HTTPGet(port, path, scheme=scheme)
    return await probe_http(probe, host="127.0.0.1", port=port, timeout=timeout, profile=PROFILES[version])


@pytest.mark.parametrize(
    ("status", "body", "result", "output"),
    [
        # DoHTTPProbe
        case("http.status.200", 200, b"ok body", Result.SUCCESS, "ok body"),
        case("http.status.204", 204, b"", Result.SUCCESS, ""),
        case("http.status.299", 299, b"x", Result.SUCCESS, "x"),
        case("http.status.300", 300, b"x", Result.WARNING, "Probe terminated redirects, Response body: x"),
        case("http.status.304", 304, b"", Result.WARNING, "Probe terminated redirects, Response body: "),
        case(
            "http.3xx-no-location-body",
            308,
            b"ok body",
            Result.WARNING,
            "Probe terminated redirects, Response body: ok body",
        ),
        case("http.status.399", 399, b"x", Result.WARNING, "Probe terminated redirects, Response body: x"),
        case("http.status.400", 400, b"x", Result.FAILURE, "HTTP probe failed with statuscode: 400"),
        case("http.status.401", 401, b"x", Result.FAILURE, "HTTP probe failed with statuscode: 401"),
        case("http.status.404", 404, b"x", Result.FAILURE, "HTTP probe failed with statuscode: 404"),
        case("http.500", 500, b"fail body", Result.FAILURE, "HTTP probe failed with statuscode: 500"),
        case("http.failure-hides-body", 503, b"secret", Result.FAILURE, "HTTP probe failed with statuscode: 503"),
        (999, b"", Result.FAILURE, "HTTP probe failed with statuscode: 999"),
        (101, b"", Result.FAILURE, "HTTP probe failed with statuscode: 101"),
    ],
)
async def test_the_status_decides(status: int, body: bytes, result: Result, output: str, expect: Expect) -> None:
    async with serving(response(status, body)) as server:
        outcome = await ask(server)
    assert outcome == Outcome(result, output)
    expect(result=outcome.result, output=outcome.output, output_contains=outcome.output)


async def test_an_old_kubelet_warns_with_the_bare_body() -> None:
    async with serving(response(300, b"moved\n")) as server:
        assert await ask(server, version="1.20") == Outcome(Result.WARNING, "moved\n")


OK = "HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("said", "output"),
    [
        (f"{OK}\r\nuntil the end", "until the end"),
        (f"{OK}Content-Length: 2\r\n\r\nok and more", "ok"),
        (f"{OK}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3;x=y\r\ncde\r\n0\r\n\r\n", "abcde"),
        (f"{OK}transfer-encoding: Chunked\r\nContent-Length: 99\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("HTTP/1.0 200\r\n\r\nold", "old"),
        ("HTTP/1.1 200 OK\n\nbare newlines", "bare newlines"),
        (f"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n{OK}\r\nlate", "late"),
        (f"{OK}\r\n\xff", "\ufffd"),
        (f"{OK}Content-Length: 0\r\n\r\n", ""),
    ],
)
async def test_a_body_is_read_however_it_is_framed(said: str, output: str) -> None:
    async with serving(said.encode("latin-1")) as server:
        assert await ask(server) == Outcome(Result.SUCCESS, output)


@pytest.mark.parametrize(
    ("size", "read"), [(10239, 10239), (10240, 10240), case("http.payload-truncated", 10241, 10240), (1_000_000, 10240)]
)
@pytest.mark.parametrize("framing", ["length", "chunks", "close"])
async def test_no_more_than_10_kib_of_a_body_are_read(size: int, read: int, framing: str, expect: Expect) -> None:
    body = b"x" * size
    said = {
        "length": response(200, body),
        "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (size, body),
        "close": b"HTTP/1.1 200 OK\r\n\r\n" + body,
    }[framing]
    async with serving(said) as server:
        outcome = await ask(server)
    assert (outcome.result, len(outcome.output), outcome.error) == (Result.SUCCESS, read, "")
    expect(result=outcome.result, output_bytes=len(outcome.output), error=outcome.errored)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("", "EOF"),  # TestHTTPProbeChecker: a server that aborts its response
        ("garbage\r\n", f'{BROKEN}malformed HTTP response "garbage"'),
        ('say "hi"', BROKEN + r'malformed HTTP status code "\"hi\""'),
        ("HTTP/1.1 200", f"{BROKEN}unexpected EOF"),
        ("\x15\x03\x01\x00\x02\x02\n", BROKEN + r'malformed HTTP response "\x15\x03\x01\x00\x02\x02"'),
        case("http.broken-response", "HTTP/1.1 -1 x\r\n\r\n", f'{BROKEN}malformed HTTP status code "-1"'),
        ("HTTP/1.1 2000 x\r\n\r\n", f'{BROKEN}malformed HTTP status code "2000"'),
        ("HTTP/1.1 2x0 x\r\n\r\n", f'{BROKEN}malformed HTTP status code "2x0"'),
        ("HTTQ/1.1 200 x\r\n\r\n", f'{BROKEN}malformed HTTP version "HTTQ/1.1"'),
        (OK, f"{BROKEN}unexpected EOF"),
        (f"{OK}no colon\r\n\r\n", f"{BROKEN}malformed MIME header line: no colon"),
        (f"{OK}Content-Length: -1\r\n\r\n", f'{BROKEN}bad Content-Length "-1"'),
        ("HTTP/1.1 100 Continue\r\n\r\n" * 6, f"{BROKEN}too many 1xx informational responses"),
        (f"{OK}{'x' * 1100000}", "net/http: server response headers exceeded 1048576 bytes; aborted"),
        (OK + f"X: {'x' * 600000}\r\n" * 2, "net/http: server response headers exceeded 1048576 bytes; aborted"),
    ],
)  # fmt: skip
async def test_a_broken_head_is_a_failure(said: str, error: str, expect: Expect) -> None:
    async with serving(said.encode("latin-1")) as server:
        outcome = await ask(server, "/healthz")
    assert outcome == Outcome(Result.FAILURE, f'Get "http://127.0.0.1:{server.port}/healthz": {error}')
    expect(result=outcome.result)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (f"{OK}Content-Length: 5\r\n\r\nab", "unexpected EOF"),
        (f"{OK}Transfer-Encoding: chunked\r\n\r\n5\r\nab", "unexpected EOF"),
        (f"{OK}Transfer-Encoding: chunked\r\n\r\n5", "unexpected EOF"),
        (f"{OK}Transfer-Encoding: chunked\r\n\r\nxyz\r\n", "invalid byte in chunk length"),
        (f"{OK}Transfer-Encoding: chunked\r\n\r\n\r\n", "empty hex number for chunk length"),
        (f"{OK}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", "malformed chunked encoding"),
    ],
)
async def test_a_broken_body_is_an_error_and_no_failure(said: str, error: str) -> None:
    async with serving(said.encode()) as server:
        assert await ask(server) == Outcome(Result.FAILURE, error=error)


@pytest.mark.parametrize("said", ["", "HTTP/1.1 200 OK\r\nContent-"])
@pytest.mark.case("http.timeout")
async def test_a_server_that_does_not_answer_in_time_fails(said: str, expect: Expect) -> None:
    async with serving(said.encode(), stay=True) as server:
        outcome = await ask(server, timeout=0.2)
    assert outcome == Outcome(Result.FAILURE, f'Get "http://127.0.0.1:{server.port}/": {AWAITING}')
    expect(result=outcome.result)


@pytest.mark.parametrize("body", [b"", b"x" * 10239])
@pytest.mark.case("http.body-stall-is-error")
async def test_a_body_that_stalls_is_an_error(body: bytes, expect: Expect) -> None:
    async with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + body, stay=True) as server:
        outcome = await ask(server, timeout=1)
    assert outcome == Outcome(Result.FAILURE, error=READING)
    worker = Worker(ProbeType.LIVENESS, Probe(HTTPGet(80), failure_threshold=1))
    stored = worker.step(0.0, ContainerView("A", "running", started=True), outcome).stored
    words = "worker retries up to 3 times and DISCARDS the result, so liveness never trips"
    then = Means(
        words, [retry(outcome, calls) for calls in (1, 2, 3)] == [True, True, False] and stored is Stored.SUCCESS
    )
    expect(result=outcome.result, error=outcome.errored, then=then)


async def test_a_body_that_stalls_after_10_kib_is_fine() -> None:
    async with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + b"x" * 10240, stay=True) as server:
        assert (await ask(server)).result is Result.SUCCESS


def closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


async def test_nobody_listens() -> None:
    port = closed_port()
    error = f'Get "http://127.0.0.1:{port}/": dial tcp 127.0.0.1:{port}: connect: connection refused'
    assert await ask(port) == Outcome(Result.FAILURE, error)


async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset a connection at once."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.transport.abort()


async def test_a_reset_connection_fails() -> None:
    async with talking(hang_up) as port:
        outcome = await ask(port)
    assert outcome.result is Result.FAILURE
    assert outcome.output.startswith(f'Get "http://127.0.0.1:{port}/": read tcp 127.0.0.1:')
    assert outcome.output.endswith(f"->127.0.0.1:{port}: read: connection reset by peer")


async def test_a_connection_is_closed_without_waiting_for_the_peer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as never_accepts:
        connection = await open_connection("127.0.0.1", never_accepts.getsockname()[1], tls=False, dial=direct)
        sock = connection.writer.get_extra_info("socket")
        connection.close()
        assert struct.unpack("ii", sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))[0] == 0


async def test_a_hostname_that_is_none() -> None:
    probe = HTTPGet(80, host="nosuch host.invalid")
    outcome = await probe_http(probe, host="127.0.0.1", port=80, timeout=20)
    assert outcome == Outcome(
        Result.FAILURE, 'Get "http://nosuch host.invalid:80/": dial tcp: lookup nosuch host.invalid: no such host'
    )


def expired() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).with_name("expired.pem"))
    return context


@pytest.mark.parametrize("status", [200, 503])
@pytest.mark.case("http.tls-unverified")
async def test_any_certificate_will_do(status: int, expect: Expect) -> None:
    async with serving(response(status, b"body"), tls=expired()) as server:
        outcome = await ask(server, scheme="HTTPS")
    assert outcome.healthy is (status == 200)
    by_status = outcome.result is (Result.SUCCESS if status == 200 else Result.FAILURE)
    expect(tls_verification=outcome.output.startswith("Get"), result=Means("by status code", by_status))


ALERT = b"\x15\x03\x01\x00\x02\x02\x28"


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (response(400), "http: server gave HTTP response to HTTPS client"),
        (ALERT, "remote error: tls: handshake failure"),
        (b"", "EOF"),
    ],
)
async def test_tls_to_a_server_that_will_not(said: bytes, error: str) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1 << 16)
        writer.write(said)
        await writer.drain()

    async with talking(refuse) as port:
        outcome = await ask(port, scheme="HTTPS")
    assert outcome == Outcome(Result.FAILURE, f'Get "https://127.0.0.1:{port}/": {error}')


async def test_tls_to_a_server_that_hangs_up() -> None:
    async with talking(hang_up) as port:
        outcome = await ask(port, scheme="HTTPS")
    assert outcome.result is Result.FAILURE
    assert outcome.output.startswith(f'Get "https://127.0.0.1:{port}/": ')


async def test_a_handshake_that_takes_too_long_fails() -> None:
    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1 << 16)
        await reader.read()

    async with talking(wait) as port:
        outcome = await ask(port, scheme="HTTPS", timeout=0.3)
    assert outcome == Outcome(Result.FAILURE, f'Get "https://127.0.0.1:{port}/": {AWAITING}')


async def test_a_pod_without_an_address_cannot_be_asked() -> None:
    outcome = await probe_http(HTTPGet(80), host="", port=80, timeout=20)
    assert outcome == Outcome(Result.FAILURE, 'Get "http://:80/": http: no Host in request URL')
