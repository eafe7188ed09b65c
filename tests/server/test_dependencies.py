"""A patient that watches what it depends on: real servers, real sockets, and faults of its own view."""

from __future__ import annotations

import http.server
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crashy.faults.base import parse_spec
from crashy.server.patient import Patient
from tests.commands.test_probe import free_port, listens, server
from tests.needs import needs
from tests.server.running import DEADLINE, Running, until

Serve = Callable[..., Running]


@contextmanager
def listener() -> Iterator[int]:
    """Listen on a port, and accept nobody: the kernel does."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as one:
        yield one.getsockname()[1]


@contextmanager
def web(status: int) -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as one:
        thread = threading.Thread(target=one.serve_forever)
        thread.start()
        yield one.server_port
        one.shutdown()
        thread.join(DEADLINE)


def seen(app: Running) -> dict[str, tuple[str, str]]:
    return {one["name"]: (one["state"], one["failure"]) for one in app.admin("GET", "status")["dependencies"]}


def wait(app: Running, name: str, state: str, failure: str = "") -> None:
    until(lambda: seen(app)[name] == (state, failure), f"{name} is {state}, got {seen(app)}")


def test_what_listens_is_up_and_what_ends_is_down(serve: Serve) -> None:
    with web(204) as good, web(500) as bad:
        with listener() as port:
            app = serve(DEPENDENCIES=f"tcp://127.0.0.1:{port},http://127.0.0.1:{good},http://localhost:{bad}/x")
            wait(app, f"127.0.0.1:{port}", "up")
            wait(app, f"127.0.0.1:{good}", "up")
            wait(app, "localhost", "down", "answers 500")
            page = app.ask("/dependencies")
            assert page.status == 503
            assert f"127.0.0.1:{port} tcp://127.0.0.1:{port} up\n" in page.body
            assert page.body.endswith(f"localhost http://localhost:{bad} down: answers 500\n")
        wait(app, f"127.0.0.1:{port}", "down", "Connection refused")
    assert app.line(rf"warning Dependency: dependency 127.0.0.1:{port} \(tcp://.*\) is down: Connection refused")
    assert app.ask("/readyz").status == 200  # nothing checks them
    assert app.ask("/livez").status == 200


@needs("redis-server")
def test_a_real_redis_is_watched_and_its_password_never_shown(serve: Serve, tmp_path: Path) -> None:
    port = free_port()
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(tmp_path)]
    app = serve(DEPENDENCIES=f"redis://:geheim@127.0.0.1:{port}", METRICS="1")
    wait(app, "127.0.0.1", "down", "Connection refused")
    with server([*command, "--requirepass", "geheim"], lambda: listens(port)):
        wait(app, "127.0.0.1", "up")
        metrics = app.ask("/metrics").body
        assert 'crashy_dependency_up{dependency="127.0.0.1"} 1' in metrics
        assert 'crashy_dependency_seconds{dependency="127.0.0.1"} ' in metrics
    wait(app, "127.0.0.1", "down", "Connection refused")
    shown = app.log + app.ask("/metrics").body + str(app.admin("GET", "status")) + app.ask("/dependencies").body
    page = app.ask("/", Accept="text/html").body
    assert "<tr><th>Dependency 127.0.0.1<td>down: Connection refused" in page
    assert "geheim" not in shown + page


@needs("mariadbd")
def test_a_real_mysql_is_watched(serve: Serve, tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_port()
    install = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db", "--user=root"]
    subprocess.run(install, capture_output=True, check=True, timeout=DEADLINE * 3)
    command = ["mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={tmp_path}/s", f"--port={port}"]
    with server([*command, "--bind-address=127.0.0.1", "--user=root"], lambda: listens(port)):
        app = serve(DEPENDENCIES=f"mysql://root:geheim@127.0.0.1:{port}/shop")
        wait(app, "127.0.0.1", "up")


def test_one_that_says_nothing_is_down_after_the_timeout_and_holds_up_nobody(serve: Serve) -> None:
    with listener() as port, listener() as other:
        app = serve(DEPENDENCIES=f"redis://127.0.0.1:{port},tcp://localhost:{other}")
        wait(app, "localhost", "up")
        assert app.ask("/", timeout=1).status == 200
        wait(app, "127.0.0.1", "down", "no answer within 3s")
        app.process.terminate()
        assert app.exit_code() == 0


def test_readiness_follows_them_by_every_protocol_and_liveness_does_not(serve: Serve, tmp_path: Path) -> None:
    with listener() as port:
        app = serve(DEPENDENCIES=f"tcp://127.0.0.1:{port}", READINESS_CHECKS_DEPENDENCIES="1", STATE_DIR=str(tmp_path))
        until(lambda: app.ask("/readyz").status == 200, "ready with its dependency")
        until((tmp_path / "is_ready").exists, "the file")
        app.inject("dependency-down for=2s")
        until(lambda: app.ask("/readyz").status == 503, "not ready without it")
        until(lambda: not (tmp_path / "is_ready").exists(), "no file")
        status = app.admin("GET", "status")
        assert [status["protocols"][how]["readiness"] for how in ("http", "grpc", "exec", "tcp")] == [False] * 3 + [
            True
        ]
        assert app.ask("/livez").status == 200
        until(lambda: app.ask("/readyz").status == 200, "ready again")
        until((tmp_path / "is_ready").exists, "the file again")


def test_liveness_follows_them_where_it_checks_them(serve: Serve) -> None:
    with listener() as port:
        app = serve(DEPENDENCIES=f"tcp://127.0.0.1:{port}", LIVENESS_CHECKS_DEPENDENCIES="1")
        assert app.ask("/livez").status == 200
        app.inject("dependency-down")
        until(lambda: app.ask("/livez").status == 500, "not alive without it")
        assert app.ask("/readyz").status == 200


def test_a_slow_one_makes_the_probe_that_checks_it_slow(serve: Serve) -> None:
    with listener() as port:
        app = serve(DEPENDENCIES=f"tcp://127.0.0.1:{port}", READINESS_CHECKS_DEPENDENCIES="1")
        wait(app, "127.0.0.1", "up")
        app.inject("dependency-slow delay=600ms")
        wait(app, "127.0.0.1", "slow")
        began = app.admin("GET", "status")["uptime"]
        assert app.ask("/readyz").status == 200
        assert app.admin("GET", "status")["uptime"] - began >= 0.6
        app.admin("DELETE", "faults")
        wait(app, "127.0.0.1", "up")


def test_the_resolver_fails_for_dependencies_and_peers(serve: Serve, tmp_path: Path) -> None:
    with listener() as port:
        (tmp_path / "names").write_text(f"cache 6379 127.0.0.1 {port}\n")
        app = serve(DEPENDENCIES="tcp://cache:6379", PEERS="cache:6379", NAMES_FILE=str(tmp_path / "names"))
        wait(app, "cache", "up")
        app.inject("dns-failure names=cache")
        wait(app, "cache", "down", "Temporary failure in name resolution")
        assert app.ask("/peers").body == "cache:6379 Temporary failure in name resolution\n"
        app.admin("DELETE", "faults")
        app.inject("dns-failure mode=unknown")
        wait(app, "cache", "down", "Name or service not known")
        assert app.ask("/peers").body == "cache:6379 no such name\n"
        app.admin("DELETE", "faults")
        wait(app, "cache", "up")


def test_without_dependencies_there_is_no_route_no_thread_and_no_import(serve: Serve) -> None:
    app = serve()

    assert app.ask("/dependencies").status == 404
    assert app.admin("GET", "status")["dependencies"] == []
    code = "import sys, crashy.server.serve; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"crashy.checks", "crashy.patient.dependencies", "crashy.server.names"} & {*modules}


def test_a_fault_that_selects_none_of_them_is_told(make_patient: Callable[..., Patient]) -> None:
    patient = make_patient(DEPENDENCIES="redis://cache")
    for spec in ("dependency-down names=cache", "dns-failure", "dns-failure names=cache", "dependency-slow names=db"):
        patient.inject(parse_spec(spec))
    told = [event.message for event in patient.timeline.since() if event.reason == "NoEffect"]

    assert told == ["fault f4: nothing in DEPENDENCIES is selected by dependency-slow names=db"]
