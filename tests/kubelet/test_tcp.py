"""The tcpSocket probe. kubelet: pkg/probe/tcp/tcp_test.go; the queue of a frozen process as measured on Linux."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
import sys
from collections.abc import Iterator
from unittest.mock import AsyncMock

import pytest

from crashy.kubelet.handlers import dial, tcp
from crashy.kubelet.handlers.dial import connect
from crashy.kubelet.handlers.judge import WireError
from crashy.kubelet.handlers.tcp import probe_tcp
from crashy.kubelet.outcome import Outcome, Result
from tests.kubelet.cases import Expect, Means, case
from tests.kubelet.test_http import closed_port

SUCCESS = Outcome(Result.SUCCESS)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


@pytest.mark.case("tcp.open")
async def test_who_listens_is_healthy(listener: socket.socket, expect: Expect) -> None:
    outcome = await probe_tcp("127.0.0.1", listener.getsockname()[1], 20)
    assert outcome == SUCCESS
    expect(result=outcome.result, error=outcome.errored, output=outcome.output)


@pytest.mark.case("tcp.close-immediately")
async def test_it_connects_says_nothing_and_closes(listener: socket.socket, expect: Expect) -> None:
    await probe_tcp("127.0.0.1", listener.getsockname()[1], 20)
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(20)
        sent = connection.recv(1)
        assert sent == b""
    expect(bytes_sent=len(sent), connection_closed_by=Means("prober right after connect", sent == b""))


@pytest.mark.parametrize("host", ["127.1", "1.2.3", "2130706433", "0.0.0.0.", "*", "a b", "user@localhost", "ü"])
async def test_what_is_no_name_for_go_is_not_looked_up(host: str) -> None:
    assert await probe_tcp(host, 1, 20) == Outcome(Result.FAILURE, f"dial tcp: lookup {host}: no such host")


@pytest.mark.parametrize(
    ("port", "output"),
    [
        case("tcp.no-listener", -1, "dial tcp: address -1: invalid port"),
        (65536, "dial tcp: address 65536: invalid port"),
        (None, "dial tcp 127.0.0.1:{port}: connect: connection refused"),
    ],
)
async def test_nobody_listens(port: int | None, output: str, expect: Expect) -> None:
    port = closed_port() if port is None else port
    outcome = await probe_tcp("127.0.0.1", port, 20)
    assert outcome == Outcome(Result.FAILURE, output.format(port=port))
    expect(result=outcome.result, error=outcome.errored)


@pytest.mark.skipif(sys.platform != "linux", reason="how many connections a queue takes is the kernel's own affair")
@pytest.mark.parametrize("backlog", [case(f"tcp.frozen-backlog.{size}", size) for size in (1, 5, 20)])
async def test_a_frozen_process_passes_until_its_queue_is_full(backlog: int, expect: Expect) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=backlog) as never_accepts:
        port = never_accepts.getsockname()[1]
        passed = [await probe_tcp("127.0.0.1", port, 20) for _ in range(backlog + 1)]
        assert passed == [SUCCESS] * (backlog + 1)
        full = await probe_tcp("127.0.0.1", port, 0.2)
    assert full == Outcome(Result.FAILURE, f"dial tcp 127.0.0.1:{port}: i/o timeout")
    fails = Means("connect times out -> failure", full.result is Result.FAILURE)
    expect(successful_tcp_probes=passed.count(SUCCESS), then=fails)


async def test_errors_name_the_nominal_address(listener: socket.socket) -> None:
    refused = await probe_tcp("10.0.0.1", 80, 20, dial=lambda host, port: ("127.0.0.1", closed_port()))
    assert refused == Outcome(Result.FAILURE, "dial tcp 10.0.0.1:80: connect: connection refused")
    elsewhere = ("127.0.0.1", listener.getsockname()[1])
    assert await probe_tcp("10.0.0.1", 80, 20, dial=lambda host, port: elsewhere) == SUCCESS


async def test_its_sockets_linger_for_a_second(listener: socket.socket) -> None:
    with await connect("127.0.0.1", listener.getsockname()[1]) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == struct.pack("ii", 1, 1)


async def test_its_sockets_are_closed_without_waiting_for_the_peer(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    sock = await connect("127.0.0.1", listener.getsockname()[1])
    with sock.dup() as same:
        monkeypatch.setattr(tcp, "connect", AsyncMock(return_value=sock))
        assert await probe_tcp("127.0.0.1", 80, 20) == SUCCESS
        assert sock.fileno() == -1
        assert struct.unpack("ii", same.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))[0] == 0


async def test_a_name_is_looked_up(listener: socket.socket) -> None:
    assert await probe_tcp("localhost", listener.getsockname()[1], 20) == SUCCESS


async def test_the_first_address_that_answers_is_taken(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, dead = listener.getsockname()[1], closed_port()

    async def two(host: str, port: int) -> list[tuple[int, tuple[str, int]]]:
        return [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET, ("127.0.0.1", live))]

    monkeypatch.setattr(dial, "_resolve", two)
    assert await probe_tcp("web", dead, 20) == SUCCESS


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.EHOSTUNREACH, "x"), "no route to host"),
        (OSError(errno.ENETUNREACH, "x"), "network is unreachable"),
        (OSError(errno.ETIMEDOUT, "x"), "connection timed out"),
    ],
)
async def test_the_systems_errors_are_reported_in_gos_words(
    error: OSError, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", fail)
    with pytest.raises(WireError, match=f"^dial tcp 10.0.0.1:80: connect: {text}$"):
        await connect("10.0.0.1", 80)


async def test_an_ipv6_address_stands_in_brackets() -> None:
    outcome = await probe_tcp("::1", port := closed_port(), 20)
    assert outcome.result is Result.FAILURE
    assert outcome.output.startswith(f"dial tcp [::1]:{port}: connect: ")
