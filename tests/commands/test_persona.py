"""The patient by the names of courses' apps: as a first argument, as a link, and `podcli` beside it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.server.running import Running

CRASHY = [sys.executable, "-m", "crashy"]


@pytest.fixture
def start(free_ports: Callable[[int], list[int]], tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start the patient by a command line; `{}` in it is a free port."""
    started: list[Running] = []

    def by(*words: str, link: str = "", **environ: str) -> Running:
        command = [*CRASHY]
        if link:
            script = tmp_path / "crashy"
            script.write_text(f"#!{sys.executable}\nimport sys\nfrom crashy.cli import main\nsys.exit(main())\n")
            script.chmod(0o755)
            (tmp_path / link).symlink_to("crashy")
            command = [str(tmp_path / link)]
        process = subprocess.Popen(
            [*command, *words],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "ADMIN_PORT": "0",
                "POD_NAME": "webapp-1",
                "PORT": "80",
                **environ,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(Running(process))
        return started[-1]

    yield by
    for running in started:
        running.end()


@pytest.fixture
def free_ports() -> Callable[[int], list[int]]:
    def find(count: int) -> list[int]:
        sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
        ports = [int(one.getsockname()[1]) for one in sockets]
        for one in sockets:
            one.close()
        return ports

    return find


def podcli(*words: str, **environ: str) -> tuple[int, str]:
    done = subprocess.run(
        [*CRASHY, "podcli", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environ},
    )
    return done.returncode, done.stderr


def test_podinfo_by_its_link_is_checked_by_podcli(
    start: Callable[..., Running], free_ports: Callable[[int], list[int]]
) -> None:
    port, grpc = free_ports(2)
    podinfo = start(f"--port={port}", f"--grpc-port={grpc}", "--level=info", link="podinfo")

    assert podinfo.port == port
    podinfo.line(r"podinfo: ignored, since this patient has no use for them: --level=info")
    assert podinfo.ask("/readyz").body == '{\n  "status": "OK"\n}'
    assert podinfo.ask("/metrics").status == 200
    for check in (("http", f"localhost:{port}/readyz"), ("tcp", f"127.0.0.1:{port}")):
        assert podcli("check", *check)[0] == 0
    assert podcli("check", "grpc", f"localhost:{grpc}", "--service=podinfo")[0] == 0

    podinfo.ask("/readyz/disable", method="POST")

    code, said = podcli("check", "http", f"localhost:{port}/readyz", "--retry=1", "--delay=1ms")
    assert (code, said.count('"msg":"check failed"'), said.count('"result":"answers 503"')) == (1, 2, 2)
    code, said = podcli("check", "grpc", f"localhost:{grpc}", "--service", "podinfo")
    assert (code, "answers NOT_SERVING" in said) == (1, True)
    assert podcli("check", "grpc", f"localhost:{port}", "--timeout=2s")[0] == 1

    podinfo.ask("/panic", method="POST")

    assert podinfo.exit_code() == 255
    assert podcli("check", "http", f"localhost:{port}/healthz")[0] == 1


@pytest.mark.parametrize(
    ("words", "path", "body"),
    [
        (("kuard", "--address=:{}"), "/healthy", "ok"),
        (("agnhost", "netexec", "--http-port={}"), "/readyz", "ok"),
        (("/agnhost", "netexec", "--http-port", "{}"), "/hostname", "webapp-1"),
        (("netexec", "--http-port={}"), "/echo?msg=hello", "hello"),
    ],
)
def test_the_first_argument_chooses_the_app(
    start: Callable[..., Running],
    free_ports: Callable[[int], list[int]],
    words: tuple[str, ...],
    path: str,
    body: str,
) -> None:
    (port,) = free_ports(1)
    app = start(*(word.format(port) for word in words))

    assert (app.port, app.ask(path).body) == (port, body)


def test_netexec_exits_with_the_code_that_it_is_asked_for(
    start: Callable[..., Running], free_ports: Callable[[int], list[int]]
) -> None:
    app = start("netexec", f"--http-port={free_ports(1)[0]}")
    app.ask("/exit?code=42")

    assert app.exit_code() == 42


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("podinfo", "--nope"), "crashy podinfo: --nope: is no flag of podinfo's"),
        (("agnhost", "pause"), "crashy agnhost: pause: this patient can be liveness or netexec"),
        (("podcli", "check", "cert", "x"), "crashy podcli: 'check cert x': must be check http|tcp|grpc ADDRESS"),
        (("podcli", "check", "http", "x", "--timeout=5"), "crashy podcli: --timeout: '5': must be a duration"),
        (("podcli", "check", "http", "x", "--method=POST"), "crashy podcli: --method=POST: must be one of --retry"),
        (("podcli", "check", "http", "x", "--retry=-1"), "crashy podcli: --retry: '-1': must be a number"),
        (("podcli", "check", "tcp", "x"), "crashy podcli: --tcp: 'x': must be HOST:PORT"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(words: tuple[str, ...], message: str) -> None:
    done = subprocess.run([*CRASHY, *words], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(message)


def test_localhost_is_where_the_patient_listens() -> None:
    code, said = podcli("check", "http", "localhost:1/x", HOST="127.0.0.9")

    assert (code, '"result":"Connection refused"' in said) == (1, True)


def test_podcli_imports_next_to_nothing() -> None:
    code = (
        "import sys; from crashy.commands import podcli; podcli.parse(['check', 'http', 'localhost:1']);"
        "print({'typing', 'asyncio', 'aiohttp', 're', 'json', 'crashy.faults'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout == "set()\n"
