"""What `crashy proxy` refuses before it listens: each mistake is one line."""

from __future__ import annotations

import socket

import pytest

from crashy import cli
from tests.server.proxies import Proxied


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("redis 127.0.0.1:6379", "LISTEN: 'redis': must be PORT or HOST:PORT"),
        ("70000 127.0.0.1:6379", "LISTEN: '70000': must be PORT or HOST:PORT, a port at most 65535"),
        ("::1:80 127.0.0.1:6379", "LISTEN: '::1:80': must be PORT or HOST:PORT"),
        ("6380 redis", "UPSTREAM: 'redis': must be HOST:PORT, as 127.0.0.1:6379"),
        ("6380 redis:0", "UPSTREAM: 'redis:0': must be HOST:PORT, as 127.0.0.1:6379"),
        ("6380 :6379", "UPSTREAM: ':6379': must be HOST:PORT, as 127.0.0.1:6379"),
        ("6380 http://redis:6379", "UPSTREAM: 'http://redis:6379': must be HOST:PORT, as 127.0.0.1:6379"),
        ("6380", "UPSTREAM: is missing: where '6380' leads, as 6380 127.0.0.1:6379"),
        ("", "LISTEN UPSTREAM: are missing: where to listen and where to lead, as 6380 127.0.0.1:6379"),
        ("6380 a:1 6380 b:2", "LISTEN: '127.0.0.1:6380': is given twice"),
        ("6380 a:1 --fault slow", "--fault: 'slow': fault: 'slow': unknown; one of"),
        ("6380 a:1 --fault error", "--fault: 'error': fault: error acts on requests, which this proxy does not read:"),
        ("6380 a:1 --http --fault unready", "--fault: 'unready': routes: a proxy knows no probes: give the path of"),
        ("6380 a:1 --http --fault crash", "--fault: 'crash': fault: crash mode=exit acts on the processes of an app"),
        (
            "6380 a:1 --http --fault dns-failure",
            "--fault: 'dns-failure': fault: dns-failure mode=again acts inside a patient only",
        ),
        ("6380 a:1 --admin-port 6380", "--admin-port: 6380: is where a proxy listens: choose another"),
        ("6380 a:1 --admin-port x", "ADMIN_PORT: x: must be a port from 0 to 65535"),
        ("6380 127.0.0.1:6380", "UPSTREAM: '127.0.0.1:6380': is where a proxy listens itself"),
        ("0.0.0.0:6380 localhost:6380", "UPSTREAM: 'localhost:6380': is where a proxy listens itself"),
        ("6380 a:1 6381 127.0.0.1:6380", "UPSTREAM: '127.0.0.1:6380': is where a proxy listens itself"),
        (":6380 127.0.0.1:6380", "UPSTREAM: '127.0.0.1:6380': is where a proxy listens itself"),
    ],
)
def test_a_mistake_is_one_line(words: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["proxy", *words.split()]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"crashy proxy: {line}")


@pytest.mark.parametrize(
    ("listen", "admin", "line"),
    [
        ("{}", "0", "crashy proxy: LISTEN: {}: can't be bound on 127.0.0.1: Address already in use"),
        (
            "0",
            "{}",
            "crashy proxy: ADMIN_PORT: {}: can't be bound on 127.0.0.1: Address already in use: choose another with "
            "--admin-port",
        ),
        ("nowhere.invalid:0", "0", "crashy proxy: HOST: nowhere.invalid: must be an address or a name of this machine"),
    ],
)
def test_a_port_that_is_taken_ends_it(listen: str, admin: str, line: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        flags = (listen.format(port), "127.0.0.1:1", "--admin-port", admin.format(port))
        one = Proxied.start({}, *flags, command="proxy")
        assert one.exit_code() == 2
    one.end()
    assert line.format(port) in one.log
    assert len([text for text in one.lines if "info" not in text]) == 1
