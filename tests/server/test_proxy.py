"""A proxy with faults before real servers: a Redis, a MariaDB, an HTTP app."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from crashy import checks, cli
from tests.commands.test_probe import free_port, listens, server
from tests.needs import needs
from tests.server.proxies import Proxied, app, ping
from tests.server.running import DEADLINE, until

Proxy = Callable[..., Proxied]


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """Start real proxies before a port of this machine."""
    started: list[Proxied] = []

    def start(upstream: int, *flags: str, **settings: str) -> Proxied:
        started.append(Proxied.before(upstream, *flags, **settings))
        return started[-1]

    yield start
    for one in started:
        one.end()


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port, folder = free_port(), tmp_path_factory.mktemp("redis")
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)]
    with server(command, lambda: listens(port)):
        yield port


@needs("redis-server")
def test_a_redis_answers_through_it_and_is_slow_while_a_fault_lasts(proxy: Proxy, redis: int) -> None:
    one = proxy(redis, "--fault", "latency delay=300ms for=1h")
    with one.connected() as connection:
        assert ping(connection) >= 0.3

        assert one.admin("POST", "recover", '{"fault": "latency"}', Content_Type="application/json")["recovered"]
        assert ping(connection) < 0.3
    assert one.came("Injected: fault f1: latency", "Started: fault f1", "Listening: TCP", "Recovered: fault f1")


@needs("redis-server")
def test_a_connection_that_is_open_is_hit_by_a_fault_that_comes_later(proxy: Proxy, redis: int) -> None:
    one = proxy(redis)
    with one.connected() as connection:
        ping(connection)
        one.inject("reset")
        with pytest.raises(ConnectionError):
            ping(connection)
    with one.connected() as connection, pytest.raises(ConnectionError):
        ping(connection)
    one.admin("DELETE", "faults")
    with one.connected() as connection:
        ping(connection)


@needs("redis-server")
def test_the_next_two_connections_fail_and_then_it_is_well_again(proxy: Proxy, redis: int) -> None:
    one = proxy(redis, "--fault", "reset times=2")
    for _ in range(2):
        with one.connected() as connection, pytest.raises(ConnectionError):
            ping(connection)
    with one.connected() as connection:
        ping(connection)
    one.line("Ended: fault f1: reset times=2")


@needs("redis-server")
def test_a_deaf_one_refuses_connections_and_keeps_those_that_are_there(proxy: Proxy, redis: int) -> None:
    one = proxy(redis)
    with one.connected() as connection:
        ping(connection)
        one.inject("freeze mode=deaf for=300ms")
        until(lambda: not listens(one.port), "it refuses connections")
        ping(connection)
    until(lambda: listens(one.port), "it takes connections again")
    with one.connected() as connection:
        ping(connection)


@needs("redis-server")
def test_it_is_as_narrow_as_a_bandwidth(proxy: Proxy, redis: int) -> None:
    one, size = proxy(redis, "--fault", "bandwidth rate=1Mi"), 512 * 1024
    with one.connected() as connection:
        began = time.monotonic()
        connection.sendall(b"*2\r\n$4\r\nECHO\r\n$%d\r\n%s\r\n" % (size, b"x" * size))
        left = size + len(f"${size}\r\n\r\n")
        while left:
            left -= len(connection.recv(65_536))
    assert 0.45 < time.monotonic() - began < 2  # half a second for each way, both at once


@needs("mariadbd")
def test_a_mariadb_that_hangs_greets_once_it_recovers(proxy: Proxy, tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_port()
    install = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db", "--user=root"]
    subprocess.run(install, capture_output=True, check=True, timeout=DEADLINE)
    command = ["mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={tmp_path}/s", f"--port={port}"]
    with server([*command, "--bind-address=127.0.0.1", "--user=root"], lambda: listens(port)):
        one = proxy(port)
        place = ("127.0.0.1", one.port)
        assert "MariaDB" in checks.mysql(place, time.monotonic() + DEADLINE)

        hanging = one.inject("freeze mode=hang")
        with pytest.raises(TimeoutError):
            checks.mysql(place, time.monotonic() + 0.3)
        with ThreadPoolExecutor(1) as pool:
            greeted = pool.submit(checks.mysql, place, time.monotonic() + DEADLINE)
            until(lambda: one.open, "it waits")
            one.admin("DELETE", f"faults/{hanging}")
            assert "MariaDB" in greeted.result(DEADLINE)


def test_of_an_http_app_requests_are_chosen(proxy: Proxy) -> None:
    with app() as port:
        one = proxy(port, "--http", "--fault", "error code=503 routes=/pay methods=POST times=1")
        assert one.ask("/pay").body == "GET /pay\n"
        refused = one.ask("/pay", method="POST", body="x")
        assert (refused.status, refused.body) == (503, "503 Service Unavailable")
        assert one.ask("/pay", method="POST", body="x").body == "POST /pay\n"

        one.inject("latency delay=300ms headers=x-user=4*")
        began = time.monotonic()
        assert one.ask("/", X_User="7").status == 200
        assert time.monotonic() - began < 0.3
        assert one.ask("/", X_User="42").status == 200
        assert time.monotonic() - began >= 0.3
    hits = {fault["fault"]: fault["hits"] for fault in one.admin("GET", "faults")["faults"]}
    assert hits == {"error": 1, "latency": 1}


def test_several_pairs_share_their_faults(proxy: Proxy) -> None:
    with app() as port, app() as other:
        one = proxy(port, "0", f"127.0.0.1:{other}", "--http", "--fault", "error times=2")
        first, second = (int(one.line(rf"from 127\.0\.0\.1:(\d+) to 127\.0\.0\.1:{to}")[1]) for to in (port, other))

        assert [one.ask("/", port=number).status for number in (first, second, first, second)] == [500, 500, 200, 200]
    assert [passage["accepted"] for passage in one.status["proxy"]["passages"]] == [2, 2]


def test_the_commands_for_a_patient_are_those_for_a_proxy(proxy: Proxy, capsys: pytest.CaptureFixture[str]) -> None:
    with app() as port:
        one = proxy(port, "--http")
        url = f"--url={one.admin_url}"

        assert cli.main(["inject", "error", "code=503", "for=1h", url]) == 0
        assert one.ask("/").status == 503
        assert cli.main(["status", url]) == 0
        assert cli.main(["recover", "error", url]) == 0
        assert one.ask("/").status == 200
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "f1 error code=503 for=1h via=outside"
    assert said[1].startswith("proxy: serving for ")
    passage = f"  from 127.0.0.1:{one.port} to 127.0.0.1:{port}: connections: "
    assert said[2] in {f"{passage}{still} open, 1 so far" for still in (0, 1)}
    assert said[3].startswith("  f1 active: error code=503 for=1h via=outside, ends in ")
    assert said[4] == "recovered f1 error code=503 for=1h via=outside"


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("error", "fault: error acts on requests, which this proxy does not read: start it with --http"),
        ("reset routes=/x", "reset routes=/x via=outside chooses requests, which this proxy does not read: start it"),
        ("crash", "fault: crash mode=exit acts on the processes of an app, and a proxy has connections alone: freeze"),
        ("cpu", "fault: cpu acts on the processes of an app, and a proxy has connections alone: freeze mode=hang"),
        ("unready", "fault: unready acts on requests, which this proxy does not read: start it with --http"),
        ("exception", "fault: exception acts inside a patient only; error would do"),
        ("latency via=inside", "via: 'inside': here faults act from outside"),
    ],
)
def test_what_it_could_never_do_is_refused(
    spec: str, why: str, proxy: Proxy, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    one = request.getfixturevalue("standing")
    assert cli.main(["inject", spec, f"--url={one.admin_url}"]) == 2
    assert why in capsys.readouterr().err
    assert one.status["faults"] == []


@pytest.fixture(scope="module")
def standing() -> Iterator[Proxied]:
    one = Proxied.before(1)
    yield one
    one.end()


def test_a_server_that_is_not_there_is_named(proxy: Proxy) -> None:
    closed = free_port()
    one = proxy(closed)
    with one.connected() as connection, pytest.raises(ConnectionError):
        ping(connection)
    one.line(rf"warning Unreachable: 127\.0\.0\.1:{closed}: Connection refused")


def test_its_token_is_asked_for(proxy: Proxy) -> None:
    one = proxy(1, ADMIN_TOKEN="s3cret")
    assert one.ask("/admin/faults", method="POST", port=one.admin_port, body="reset").status == 401
    taken = one.ask("/admin/faults", method="POST", port=one.admin_port, body="reset", Authorization="Bearer s3cret")
    assert taken.status == 201


def test_its_metrics_count_connections_and_faults(proxy: Proxy) -> None:
    with app() as port:
        one = proxy(port, "--fault", "latency delay=1ms", METRICS="1")
        assert one.ask("/").status == 200
        until(lambda: one.open == 0, "that one's connection is closed")
        with one.connected():
            until(lambda: one.open == 1, "one is open")
            scraped = one.ask("/metrics", port=one.admin_port).body
    labels = f'{{listens="127.0.0.1:{one.port}",upstream="127.0.0.1:{port}"}}'
    assert f"crashy_proxy_connections{labels} 1\n" in scraped
    assert f"crashy_proxy_connections_total{labels} 2\n" in scraped
    assert 'crashy_faults_active{fault="latency"} 1\n' in scraped


def test_sigterm_ends_it_after_the_requests_in_flight(proxy: Proxy) -> None:
    with app() as port:
        one = proxy(port, "--http", DRAIN_SECONDS="5")
        with one.requested("/slow") as answer:
            until(lambda: one.open, "the request is there")
            one.process.send_signal(signal.SIGTERM)
            one.line("Signal: SIGTERM: shutting down")
            with one.connected():  # by someone who has not heard yet
                pass
            assert answer().body == "GET /slow\n"
        assert one.exit_code() == 0
    assert one.came("Signal: SIGTERM", "Drained: drain finished$")


def test_sigterm_waits_no_longer_than_its_drain_for_connections_that_stay(proxy: Proxy) -> None:
    with app() as port:
        one = proxy(port, DRAIN_SECONDS="0")
        with one.connected() as connection:
            until(lambda: one.open, "it is there")
            one.process.send_signal(signal.SIGTERM)
            assert one.exit_code() == 0
            with suppress(ConnectionResetError):
                assert connection.recv(1) == b""
    one.line("Drained: drain finished; 1 connections cut")


def test_it_listens_on_ipv6_too() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    with app() as port:
        one = Proxied.start({}, "[::1]:0", f"127.0.0.1:{port}", command="proxy")
        number = int(one.line(r"TCP from \[::1\]:(\d+) to")[1])
        with socket.create_connection(("::1", number), timeout=DEADLINE) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
        one.end()
