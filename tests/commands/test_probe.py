"""`crashy probe`, against scripted servers and the real ones."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crashy import checks, cli
from crashy.commands import probe
from tests.needs import needs

DEADLINE = 60.0
DEAR = {"argparse", "asyncio", "collections", "re", "socket", "ssl", "http", "json", "dataclasses", "pathlib", "typing"}


@contextlib.contextmanager
def scripted(answer: bytes | None) -> Iterator[int]:
    """Serve one connection: read what comes first, send these bytes (None: stay silent), close; return the port."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            with contextlib.suppress(OSError), listener.accept()[0] as connection:
                if answer is None:
                    over.wait(DEADLINE)
                else:
                    connection.sendall(answer)
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(4096)

        thread = threading.Thread(target=talk)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            with contextlib.suppress(OSError):  # where nobody came, it waits for one still
                socket.create_connection(listener.getsockname(), 1).close()
            thread.join(DEADLINE)


def greeting(body: bytes) -> bytes:
    return len(body).to_bytes(3, "little") + b"\0" + body


@pytest.mark.parametrize(
    ("check", "answer", "code", "says"),
    [
        ("http", b"HTTP/1.1 200 OK\r\n\r\n", 0, "answers 200"),
        ("http", b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", 0, "answers 302"),
        ("http", b"HTTP/1.1 500 Internal Server Error\r\n\r\n", 1, "answers 500"),
        ("http", b"HTTP/1.1 400 Bad Request\r\n\r\n", 1, "answers 400"),
        ("http", b"", 1, "closed without an answer"),
        ("http", b"SSH-2.0\r\n", 1, "does not speak HTTP"),
        ("http", None, 1, "no answer within 0.3s"),
        ("tcp", None, 0, "accepts a connection"),
        ("redis", b"+PONG\r\n", 0, "answers PONG"),
        ("redis", b"-NOAUTH Authentication required.\r\n", 0, "answers, and requires a password"),
        ("redis", b"-LOADING Redis is loading the dataset in memory\r\n", 1, "answers '-LOADING Redis is loading"),
        ("redis", b"", 1, "closed without an answer"),
        ("redis", b"x" * 70_000, 1, "the answer is longer than 64 KiB"),
        ("redis", None, 1, "no answer within 0.3s"),
        ("mysql", greeting(b"\x0a10.11.6-MariaDB\0rest"), 0, "greets as 10.11.6-MariaDB"),
        ("mysql", greeting(b"\xff\x69\x04Host is blocked"), 1, "refuses: Host is blocked"),
        ("mysql", b"HTTP/1.1 400 Bad Request\r\n", 1, "sends no greeting of MySQL"),
        ("mysql", b"", 1, "closed without a greeting"),
    ],
)
def test_a_check_judges_what_a_server_says(
    check: str, answer: bytes | None, code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with scripted(answer) as port:
        place = f"http://127.0.0.1:{port}/health" if check == "http" else f"127.0.0.1:{port}"
        timeout = "300ms" if answer is None else "20s"

        assert probe.main([f"--{check}", place, "--timeout", timeout]) == code
    line = capsys.readouterr().err
    assert f"] {'ERROR' if code else 'INFO'} - {check} {place}: {says}" in line
    assert line.count("\n") == 1


def test_it_does_without_the_c_half_of_socket_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "sockets", socket)
    with scripted(b"+PONG\r\n") as port:
        assert probe.main(["--redis", f"127.0.0.1:{port}", "--timeout", "20s"]) == 0


@needs("openssl")
def test_https_is_asked_without_verification(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(tmp_path / name) for name in ("key.pem", "cert.pem")]
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=nobody", "-days", "1"]
    subprocess.run([*make, "-keyout", files[0], "-out", files[1]], capture_output=True, check=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[1], files[0])
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            with context.wrap_socket(listener.accept()[0], server_side=True) as connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

        thread = threading.Thread(target=talk)
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"

        assert probe.main(["--http", url, "--timeout", "20s"]) == 0
        thread.join(DEADLINE)
    assert "answers 204" in capsys.readouterr().err


def test_a_port_nobody_listens_on_fails(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))

        assert probe.main(["--tcp", f"127.0.0.1:{unused.getsockname()[1]}"]) == 1
    assert "Connection refused" in capsys.readouterr().err


def test_checks_go_together_and_one_failure_is_enough(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = tmp_path / "is_healthy"
    here.touch()

    assert probe.main(["--file", str(here), "--max-load", "1000000"]) == 0
    assert probe.main(["--file", str(tmp_path / "gone"), "--max-load", "1000000"]) == 1
    assert probe.main(["--file", str(here), "--max-load", "0.0000001"]) in (0, 1)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" - ")[1].split(":")[0].split()[0] for line in lines[:4]] == ["file", "max-load"] * 2
    assert lines[2].endswith("gone: No such file or directory")


def test_the_lines_go_to_the_containers_log_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log"

    assert probe.main(["--file", str(tmp_path), f"--log={log}"]) == 0
    assert log.read_text() == capsys.readouterr().err


def test_a_log_that_can_not_be_written_is_reported_and_fails_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert probe.main(["--file", str(tmp_path), "--log", str(tmp_path / "no" / "log")]) == 0
    assert "--log: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["--http", "localhost/health"], "--http: 'localhost/health': must be http(s)://HOST[:PORT][/PATH]"),
        (["--http", "http://:80/"], "--http: 'http://:80/': must be http(s)://HOST[:PORT][/PATH]"),
        (["--http", "http://a:b/"], "--http: 'http://a:b/': must be"),
        (["--http", "http://a/\r\nX: y"], "must be http(s)://"),
        (["--tcp", "localhost"], "--tcp: 'localhost': must be HOST:PORT, the port from 1 to 65535"),
        (["--redis", "localhost:0"], "--redis: 'localhost:0': must be HOST:PORT"),
        (["--mysql", "localhost:99999"], "--mysql: 'localhost:99999': must be HOST:PORT"),
        (["--max-load", "lots"], "--max-load: 'lots': must be a percentage above 0"),
        (["--max-load", "-1"], "--max-load: '-1': must be a percentage above 0"),
        (["--file", "/x", "--timeout", "soon"], "--timeout: 'soon': must be seconds such as 1s or 500ms"),
        (["--file", "/x", "--timeout", "0"], "--timeout: '0': must be seconds"),
        (["--file"], "--file: needs a value"),
        (["--timeout", "1s"], "name at least one check: --http, --tcp"),
        (["--ftp", "x"], "--ftp: must be one of --http"),
        (["http://x"], "http://x: must be one of --http"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(args: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["probe", *args]) == 2
    reported = capsys.readouterr().err
    assert reported.startswith("crashy probe: ")
    assert line in reported
    assert reported.count("\n") == 1 + line.count("\n")


def test_help_names_every_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["probe", "--help"]) == 0
    reported = capsys.readouterr().out

    assert all(f"--{name} " in reported for name in probe.CHECKS)


def test_it_imports_nothing_that_a_probe_need_not_pay_for() -> None:
    code = (
        "import sys; before = {*sys.modules}; from crashy import cli; "
        "cli.main(['probe', '--file', '/']); print(*{*sys.modules} - before)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert {"argparse", "asyncio", "re", "ssl", "http", "json", "dataclasses", "pathlib", "aiohttp"} & set(
        loaded
    ) == set()


@contextlib.contextmanager
def server(command: list[str], ready: Callable[[], bool]) -> Iterator[None]:
    """Run a real server until the block ends."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + DEADLINE
        while not ready():
            assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
            assert time.monotonic() < end, f"{command[0]} did not come up"
        yield
    finally:
        process.terminate()
        process.wait(DEADLINE)


def free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@needs("redis-server")
@pytest.mark.parametrize(("password", "says"), [("", "answers PONG"), ("secret", "answers, and requires a password")])
def test_a_real_redis_is_alive(password: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    with server([*command, *(["--requirepass", password] if password else [])], lambda: listens(port)):
        assert probe.main(["--redis", f"127.0.0.1:{port}", "--timeout", "20s"]) == 0
    assert says in capsys.readouterr().err
    assert probe.main(["--redis", f"127.0.0.1:{port}"]) == 1


def test_a_handshake_with_mysql_is_finished_so_that_the_server_blocks_nobody() -> None:
    said: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            with listener.accept()[0] as connection:
                connection.sendall(greeting(b"\x0a8.4.0\0rest"))
                said.append(connection.recv(4096))
                connection.sendall(b"\x02\0\0\x02\xfe\0")  # AuthSwitchRequest
                said.append(connection.recv(4096))
                connection.sendall(b"\x02\0\0\x04\xff\x15")

        thread = threading.Thread(target=talk)
        thread.start()
        assert probe.main(["--mysql", f"127.0.0.1:{listener.getsockname()[1]}", "--timeout", "20s"]) == 0
        thread.join(DEADLINE)
    login, password = said
    assert login[:4] == (len(login) - 4).to_bytes(3, "little") + b"\x01"
    assert b"crashy\0" in login
    assert password == b"\x01\0\0\x03\0"


@needs("mariadbd")
def test_a_real_mysql_is_alive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, port = tmp_path / "data", free_port()
    install = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db", "--user=root"]
    subprocess.run(install, capture_output=True, check=True, timeout=DEADLINE)
    command = ["mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={tmp_path}/s", f"--port={port}"]
    with server([*command, "--bind-address=127.0.0.1", "--user=root"], lambda: listens(port)):
        assert probe.main(["--mysql", f"127.0.0.1:{port}", "--timeout", "20s"]) == 0
    assert "MariaDB" in capsys.readouterr().err
    assert probe.main(["--mysql", f"127.0.0.1:{port}"]) == 1
