"""The grpc probe. kubelet: pkg/probe/grpc/grpc.go, grpc_test.go; what a call's failure is called: grpc-go."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crashy.kubelet.handlers.grpc import _request, _status, probe_grpc
from crashy.kubelet.handlers.judge import RpcError
from crashy.kubelet.outcome import Outcome, Result
from crashy.kubelet.versions import NEWEST, PROFILES
from crashy.objects.pod import GRPC
from tests.kubelet.cases import Expect, Where, case
from tests.kubelet.grpc_servers import HEAD, HEADERS, RST_STREAM, Call, answering, frame, goaway, message
from tests.kubelet.http_servers import response, serving, talking
from tests.kubelet.test_http import closed_port, expired

HEALTHY = Outcome(Result.SUCCESS, "service healthy")
NO_HEALTH = "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): "


def failure(output: str) -> Outcome:
    return Outcome(Result.FAILURE, output)


def rpc_failure(code: str, message: str) -> Outcome:
    return failure(f"error: health rpc probe failed: rpc error: code = {code} desc = {message}")


def unreachable(address: str, within: str) -> Outcome:
    return failure(f'timeout: failed to connect service "{address}" within {within}: context deadline exceeded')


async def ask(port: int, service: str = "", timeout: float = 20.0, **more: Any) -> Outcome:
    return await probe_grpc(GRPC(port, service), host="127.0.0.1", port=port, timeout=timeout, **more)


# --- a server that answers as it should


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        case("grpc.serving", b"\x08\x01", HEALTHY),
        case("not serving", b"\x08\x02", failure('service unhealthy (responded with "NOT_SERVING")')),
        case("unknown", b"", failure('service unhealthy (responded with "UNKNOWN")')),
        case("service unknown", b"\x08\x03", failure('service unhealthy (responded with "SERVICE_UNKNOWN")')),
        case("a number of tomorrow", b"\x08\x63", failure('service unhealthy (responded with "99")')),
        case("the last of two", b"\x08\x02\x08\x01", HEALTHY),
        case("fields of tomorrow", b"\x10\x07\x1a\x01x\x21........\x2d....\x08\x01", HEALTHY),
    ],
)
async def test_only_serving_is_healthy(body: bytes, outcome: Outcome, expect: Expect) -> None:
    async with answering(lambda served: served.answer(body) or b"") as server:
        found = await ask(server.port)
    assert found == outcome
    expect(result=found.result, error=found.errored)


@pytest.mark.parametrize(
    ("service", "body"), [("", b""), ("liveness", b"\x0a\x08liveness"), ("ü" * 64, b"\x0a\x80\x01" + b"\xc3\xbc" * 64)]
)
async def test_what_it_asks(service: str, body: bytes) -> None:
    async with answering(lambda served: served.answer() or b"") as server:
        await probe_grpc(
            GRPC(2333, service), host="10.0.0.1", port=2333, timeout=20, dial=lambda *_: ("127.0.0.1", server.port)
        )
    (call,) = server.calls

    assert call.body == message(body)
    assert 0 < int(call.headers.pop("grpc-timeout").removesuffix("u")) <= 20_000_000
    assert call.headers == {
        ":method": "POST",
        ":scheme": "http",
        ":path": "/grpc.health.v1.Health/Check",
        ":authority": "10.0.0.1:2333",
        "content-type": "application/grpc",
        "user-agent": f"kube-probe/{NEWEST.version}",
        "te": "trailers",
    }


async def test_it_calls_itself_by_the_versions_name() -> None:
    async with answering(lambda served: served.answer() or b"") as server:
        await ask(server.port, profile=PROFILES["1.32"])
    assert server.calls[0].headers["user-agent"] == "kube-probe/1.32"


async def test_a_long_timeout_is_reported_in_milliseconds() -> None:
    async with answering(lambda served: served.answer() or b"") as server:
        await ask(server.port, timeout=3600)
    assert re.fullmatch(r"3[56]\d{5}m", server.calls[0].headers["grpc-timeout"])


async def test_a_connection_is_for_one_probe() -> None:
    async with answering(lambda served: served.answer() or b"") as server:
        assert [await ask(server.port) for _ in range(3)] == [HEALTHY] * 3
    assert server.connections == 3


@pytest.mark.parametrize("window", [0, 7])
async def test_a_request_waits_for_room(window: int) -> None:
    async with answering(lambda served: served.answer() or b"", window=window) as server:
        assert await ask(server.port, "s" * 100) == HEALTHY
    assert server.calls[0].body == message(_request("s" * 100))


# --- a server that answers otherwise


def says(*parts: Callable[[Call], object], raw: bytes = b"") -> Callable[[Call], bytes]:
    """Say these things one after the other, then these bytes, and leave the connection open."""

    def script(served: Call) -> bytes:
        for part in parts:
            part(served)
        return raw

    return script


def head(*headers: tuple[str, str], end: bool = False) -> Callable[[Call], object]:
    return lambda served: served.head(*headers, end=end)


def data(payload: bytes, *, end: bool = False) -> Callable[[Call], object]:
    return lambda served: served.data(payload, end=end)


def trailers(*headers: tuple[str, str]) -> Callable[[Call], object]:
    return lambda served: served.trailers(*headers)


def ends(code: str, text: str = "") -> Callable[[Call], object]:
    return head(*HEAD, ("grpc-status", code), ("grpc-message", text), end=True)


SERVING = data(message(b"\x08\x01"))
UNREADABLE = "grpc: failed to unmarshal the received message: proto: cannot parse invalid wire-format data"
MORE = "cardinality violation: expected <EOF> for non server-streaming RPCs, but received another message"
NONE = "cardinality violation: received no response message from non-server-streaming RPC"

# grpc-go: internal/transport/http2_client.go operateHeaders, handleData, handleRSTStream; rpc_util.go; stream.go
ODD_ANSWERS = [
    case("grpc.unimplemented", says(ends("12", "unknown service")), failure(f"{NO_HEALTH}unknown service")),
    case("grpc.other-error", says(ends("5", "unknown service")), rpc_failure("NotFound", "unknown service")),
    case("its own deadline", says(ends("4", "too late")), failure("timeout: health rpc did not complete within 20s")),
    case("escaped message", says(ends("2", "a%20b%C3%BC%")), rpc_failure("Unknown", "a bü%")),
    case("unknown code", says(ends("99", "x")), rpc_failure("Code(99)", "x")),
    case(
        "malformed code",
        says(ends("x")),
        rpc_failure("Internal", 'transport: malformed grpc-status: strconv.ParseInt: parsing "x": invalid syntax'),
    ),
    case("no code", says(head(*HEAD, end=True)), rpc_failure("Unknown", "")),
    case(
        "trailers with an error",
        says(head(), SERVING, trailers(("grpc-status", "14"), ("grpc-message", "gone"))),
        rpc_failure("Unavailable", "gone"),
    ),
    case(
        "no trailers",
        says(head(), data(message(b"\x08\x01"), end=True)),
        rpc_failure("Internal", "server closed the stream without sending trailers"),
    ),
    case("no message", says(head(), trailers()), rpc_failure("Internal", NONE)),
    case("two messages", says(head(), SERVING, SERVING, trailers()), rpc_failure("Internal", MORE)),
    case(
        "half a message", says(head(), data(b"\0\0\0\0\x09\x08"), trailers()), rpc_failure("Internal", "unexpected EOF")
    ),
    case("half a length", says(head(), data(b"\0\0"), trailers()), rpc_failure("Internal", "unexpected EOF")),
    case(
        "4 MiB",
        says(head(), data(b"\0" + (4 << 20 | 1).to_bytes(4))),
        rpc_failure("ResourceExhausted", "grpc: received message larger than max (4194305 vs. 4194304)"),
    ),
    case(
        "compressed",
        says(head(), data(message(b"x", compressed=True))),
        rpc_failure("Internal", "grpc: compressed flag set with identity or empty encoding"),
    ),
    case(
        "gzip",
        says(head(*HEAD, ("grpc-encoding", "gzip")), data(message(b"x", compressed=True))),
        rpc_failure("Internal", 'grpc: Decompressor is not installed for grpc-encoding "gzip"'),
    ),
    case("not protobuf", says(head(), data(message(b"\x0f")), trailers()), rpc_failure("Internal", UNREADABLE)),
    case("cut protobuf", says(head(), data(message(b"\x0a\x05x")), trailers()), rpc_failure("Internal", UNREADABLE)),
    case(
        "an endless number", says(head(), data(message(b"\xff" * 11)), trailers()), rpc_failure("Internal", UNREADABLE)
    ),
    case(
        "a web server",
        says(head((":status", "404"), ("content-type", "text/plain"))),
        failure(
            f"{NO_HEALTH}unexpected HTTP status code received from server: 404 (Not Found); "
            'transport: received unexpected content-type "text/plain"'
        ),
    ),
    case(
        "a gateway",
        says(head((":status", "503"))),
        rpc_failure(
            "Unavailable",
            "unexpected HTTP status code received from server: 503 (Service Unavailable); "
            "malformed header: missing HTTP content-type",
        ),
    ),
    case(
        "an odd status",
        says(head((":status", "299"), ("content-type", "application/grpc"))),
        rpc_failure("Unknown", "unexpected HTTP status code received from server: 299 ()"),
    ),
    case(
        "a page",
        says(head((":status", "200"), ("content-type", "text/html"))),
        rpc_failure("Unknown", 'transport: received unexpected content-type "text/html"'),
    ),
    case(
        "grpc+proto",
        says(head((":status", "200"), ("content-type", "application/grpc+proto")), SERVING, trailers()),
        HEALTHY,
    ),
    case("100 first", says(head((":status", "100")), head(), SERVING, trailers()), HEALTHY),
    case(
        "cancelled",
        says(raw=frame(RST_STREAM, 1, (8).to_bytes(4))),
        rpc_failure("Canceled", "stream terminated by RST_STREAM with error code: CANCEL"),
    ),
    case(
        "reset",
        says(raw=frame(RST_STREAM, 1, (2).to_bytes(4))),
        rpc_failure("Internal", "stream terminated by RST_STREAM with error code: INTERNAL_ERROR"),
    ),
    case(
        "reset for no known reason",
        says(raw=frame(RST_STREAM, 1, (99).to_bytes(4))),
        rpc_failure("Unknown", "stream terminated by RST_STREAM with error code: unknown error code 0x63"),
    ),
    case("closed", lambda _: None, rpc_failure("Unavailable", "error reading from server: EOF")),
    case(
        "half a frame",
        lambda served: served.head(end=False),
        rpc_failure("Unavailable", "error reading from server: EOF"),
    ),
    case(
        "a frame too large",
        says(raw=b"\x01\x00\x00" + bytes(6)),
        rpc_failure("Unavailable", "error reading from server: http2: frame too large"),
    ),
    case(
        "a frame of nonsense",
        says(raw=frame(HEADERS, 1, b"\xff", flags=4)),
        rpc_failure("Unavailable", "error reading from server: connection error: PROTOCOL_ERROR"),
    ),
]


@pytest.mark.parametrize(("script", "outcome"), ODD_ANSWERS)
async def test_every_other_answer_is_a_failure(
    script: Callable[[Call], bytes | None], outcome: Outcome, expect: Expect
) -> None:
    async with answering(script) as server:
        found = await ask(server.port)
    assert found == outcome
    expect(result=found.result, output_prefix=Where(found.output.startswith))


async def test_an_answer_is_not_read_to_its_end_once_it_is_too_large() -> None:
    head_of_4_gib = b"\0" + (2**32 - 1).to_bytes(4) + bytes(60_000)
    async with answering(
        says(head(), *[data(head_of_4_gib[at : at + 16384]) for at in range(0, 60_000, 16384)])
    ) as server:
        outcome = await ask(server.port)
    assert outcome == rpc_failure(
        "ResourceExhausted", "grpc: received message larger than max (4294967295 vs. 4194304)"
    )


# --- a server that goes away


async def test_a_call_that_the_server_has_not_begun_is_made_again_elsewhere() -> None:
    def script(served: Call) -> bytes:
        if served.connection == 1:
            return goaway(0)
        served.answer()
        return b""

    async with answering(script) as server:
        assert await ask(server.port) == HEALTHY
    assert server.connections == 2


async def test_a_refused_call_is_made_again_on_the_same_connection() -> None:
    def script(served: Call) -> bytes:
        if served.stream == 1:
            return frame(RST_STREAM, 1, (7).to_bytes(4))
        served.answer()
        return b""

    async with answering(script) as server:
        assert await ask(server.port) == HEALTHY
    assert server.connections == 1


@pytest.mark.parametrize(
    ("script", "text"),
    [
        (says(raw=goaway(0)), "the connection is draining"),
        (
            lambda served: frame(RST_STREAM, served.stream, (7).to_bytes(4)),
            "stream terminated by RST_STREAM with error code: REFUSED_STREAM",
        ),
    ],
)
async def test_it_is_made_again_only_once(script: Callable[[Call], bytes], text: str) -> None:
    async with answering(script) as server:
        assert await ask(server.port) == rpc_failure("Unavailable", text)
    assert len(server.calls) == 2


async def test_nobody_there_to_make_it_again() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(4, 0, b"") + goaway(0))
        await reader.read()

    places = iter([0, closed_port()])
    async with talking(talk) as port:
        outcome = await probe_grpc(
            GRPC(2333), host="10.0.0.1", port=2333, timeout=20, dial=lambda *_: ("127.0.0.1", next(places) or port)
        )
    reason = "transport: Error while dialing: dial tcp 10.0.0.1:2333: connect: connection refused"
    assert outcome == rpc_failure("Unavailable", f'connection error: desc = "{reason}"')


async def test_a_call_that_the_server_has_begun_is_answered_after_its_goodbye() -> None:
    def script(served: Call) -> bytes:
        served.answer()
        answered = served.http2.data_to_send()
        return goaway(2**31 - 1) + answered

    async with answering(script) as server:
        assert await ask(server.port) == HEALTHY


async def test_a_goodbye_is_reported_with_the_end() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(4, 0, b"") + goaway(1, 11, b"too_many_pings"))
        writer.write_eof()
        await reader.read()

    async with talking(talk) as port:
        outcome = await ask(port)
    text = (
        'closing transport due to: connection error: desc = "error reading from server: EOF", '
        'received prior goaway: code: ENHANCE_YOUR_CALM, debug data: "too_many_pings"'
    )
    assert outcome == rpc_failure("Unavailable", text)


# --- a server that can't be reached


@pytest.mark.parametrize(("timeout", "within"), [(0.2, "200ms"), (1.0, "1s")])
async def test_nobody_listens(timeout: float, within: str) -> None:
    port = closed_port()
    began = asyncio.get_running_loop().time()
    assert await ask(port, timeout=timeout) == unreachable(f"127.0.0.1:{port}", within)
    assert asyncio.get_running_loop().time() - began >= timeout


async def test_errors_name_the_nominal_address() -> None:
    outcome = await probe_grpc(
        GRPC(2333), host="fd00::1", port=2333, timeout=0.1, dial=lambda *_: ("127.0.0.1", closed_port())
    )
    assert outcome == unreachable("[fd00::1]:2333", "100ms")


async def test_a_host_that_is_not_there() -> None:  # TestGrpcProber_Probe: cant find host
    assert await probe_grpc(GRPC(32), host="", port=32, timeout=0.3) == unreachable(":32", "300ms")


@pytest.mark.case("grpc.not-grpc")
@pytest.mark.parametrize("said", [response(200, b"res"), b"", b"\x15\x03\x01\0\x02\x02\x46", frame(6, 0, bytes(8))])
async def test_a_server_that_does_not_speak_http2(said: bytes, expect: Expect) -> None:
    async with serving(said) as server:
        outcome = await ask(server.port, timeout=0.3)
    assert outcome == unreachable(f"127.0.0.1:{server.port}", "300ms")
    expect(result=outcome.result, error=outcome.errored)


async def test_a_tls_server() -> None:  # TestGrpcProber_Probe_TLS: plaintext probe against TLS server fails
    async with answering(lambda served: served.answer() or b"", expired()) as server:
        assert await ask(server.port, timeout=0.3) == unreachable(f"127.0.0.1:{server.port}", "300ms")


async def test_a_server_that_takes_connections_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        port = frozen.getsockname()[1]
        assert await ask(port, timeout=0.3) == unreachable(f"127.0.0.1:{port}", "300ms")


async def test_it_tries_again_as_long_as_the_timeout_lasts() -> None:
    places = iter([closed_port()])
    async with answering(lambda served: served.answer() or b"") as server:
        outcome = await probe_grpc(
            GRPC(80), host="10.0.0.1", port=80, timeout=20, dial=lambda *_: ("127.0.0.1", next(places, server.port))
        )
    assert outcome == HEALTHY


@pytest.mark.case("grpc.slow")
async def test_a_server_that_answers_too_late(expect: Expect) -> None:
    async with answering(lambda _: b"") as server:
        outcome = await ask(server.port, timeout=2)
    assert outcome == failure("timeout: health rpc did not complete within 2s")
    expect(result=outcome.result, error=outcome.errored, output=outcome.output)


async def test_a_server_that_takes_no_calls() -> None:
    async with answering(lambda _: b"", streams=0) as server:
        assert await ask(server.port, timeout=0.3) == failure("timeout: health rpc did not complete within 300ms")
    assert server.calls == []


# --- whatever comes


@given(st.binary(max_size=200), st.booleans())
@settings(max_examples=50, deadline=None)
def test_whatever_a_server_says_is_an_outcome(said: bytes, settings_first: bool) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((frame(4, 0, b"") if settings_first else b"") + said)

    async def one() -> None:
        async with talking(talk) as port:
            outcome = await ask(port, timeout=0.05)
        assert outcome.result is Result.FAILURE
        assert not outcome.errored

    asyncio.run(one())


# --- against grpcio, which knows nothing of us


@pytest.fixture(scope="module")
def health() -> Any:
    return pytest.importorskip("grpc_health.v1.health", reason="grpcio-health-checking is not installed")


@pytest.fixture(scope="module")
def grpcio_server(health: Any) -> Iterator[tuple[int, Any]]:
    import grpc  # noqa: PLC0415 - a test's counterpart, which may be missing
    from grpc_health.v1 import health_pb2_grpc  # noqa: PLC0415

    server = grpc.server(futures.ThreadPoolExecutor(2))
    servicer = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port, servicer
    server.stop(0).wait()


async def test_grpcio_is_understood(grpcio_server: tuple[int, Any]) -> None:
    port, servicer = grpcio_server
    for number, outcome in [
        (1, HEALTHY),
        (2, failure('service unhealthy (responded with "NOT_SERVING")')),
        (3, failure('service unhealthy (responded with "SERVICE_UNKNOWN")')),
    ]:
        servicer.set("web", number)
        assert await ask(port, "web") == outcome
    assert await ask(port, "none") == rpc_failure("NotFound", "")


async def test_grpcio_without_health(health: Any) -> None:
    import grpc  # noqa: PLC0415

    server = grpc.server(futures.ThreadPoolExecutor(2))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    outcome = await ask(port)
    server.stop(0).wait()
    assert outcome == failure(f"{NO_HEALTH}Method not found!")


@given(service=st.text(), status=st.integers(-(2**31), 2**31 - 1))
def test_messages_are_protobufs(health: Any, service: str, status: int) -> None:
    from grpc_health.v1 import health_pb2  # noqa: PLC0415

    assert _request(service) == health_pb2.HealthCheckRequest(service=service).SerializeToString()
    assert _status(health_pb2.HealthCheckResponse(status=status).SerializeToString()) == status


@given(st.binary(max_size=40))
def test_what_protobuf_reads_is_read_the_same(health: Any, body: bytes) -> None:
    from google.protobuf.message import DecodeError  # noqa: PLC0415
    from grpc_health.v1 import health_pb2  # noqa: PLC0415

    try:
        expected = health_pb2.HealthCheckResponse.FromString(body).status
        read = _status(body)
    except (DecodeError, RpcError):
        return
    assert read == expected
