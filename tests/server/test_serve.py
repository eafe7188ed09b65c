"""The real server in a process of its own: what a kubelet, a user and a signal see of it."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.elsewhere import needs_proc
from tests.needs import need
from tests.server.running import DEADLINE, Answer, Running, until

Serve = Callable[..., Running]
STUCK = r"^Message from webapp-1 : Bad Code! I am stuck!$"


def in_background(call: Callable[[], Any]) -> Callable[[], Any]:
    """Call in a thread; what is given back waits for the answer."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(call())
        except (OSError, http.client.HTTPException) as error:
            found.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def wait() -> Any:
        thread.join(DEADLINE)
        assert found, "no answer in time"
        return found[0]

    return wait


def refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def state(process: int) -> str:
    return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]


def test_it_serves_and_says_where_and_ends_with_0_on_sigterm(serve: Serve) -> None:
    app = serve(DRAIN_SECONDS="1h")
    assert app.ask("/hostname").body == "webapp-1"
    assert app.admin("GET", "status")["ports"] == [app.port]
    app.process.terminate()

    assert app.exit_code() == 0  # nothing was in flight: DRAIN_SECONDS is a bound, not a wait
    assert "ADMIN_TOKEN is not set" in app.log


def test_ctrl_c_is_as_good(serve: Serve) -> None:
    app = serve()
    app.line("serving on")
    app.process.send_signal(signal.SIGINT)

    assert app.exit_code() == 0


def test_while_the_loop_is_frozen_the_control_plane_answers_and_thaws_it(serve: Serve) -> None:
    app = serve()
    frozen = in_background(lambda: app.ask("/freeze", timeout=DEADLINE))
    app.line(STUCK)
    with app.requested("/ready") as answer:
        assert app.admin("GET", "status")["phase"] == "serving"
        app.admin("DELETE", "faults")

        assert answer().status == 200
    assert frozen().body == "Message from webapp-1 : Bad Code! I am stuck!"
    assert app.came(STUCK, "Recovered: fault f1", "GET /ready 200")


def test_a_hundred_freezes_are_thawed_as_fast_as_one(serve: Serve) -> None:
    app = serve()
    for seconds in range(100):
        app.inject(f"freeze for={60 + seconds}s")
    app.line(STUCK)
    app.admin("DELETE", "faults")

    assert app.ask("/ready", timeout=DEADLINE).status == 200


def test_the_stuck_line_comes_again(serve: Serve) -> None:
    app = serve(FREEZE_AFTER="0")
    until(lambda: len([line for line in app.lines if re.match(STUCK, line)]) >= 2, "two stuck lines")


def test_a_freeze_ends_by_itself_after_its_for(serve: Serve) -> None:
    app = serve()
    app.inject("freeze mode=loop for=300ms")
    app.line("Ended: fault f1")

    assert app.ask("/ready").status == 200


def test_a_frozen_app_does_not_hear_sigterm_until_it_is_thawed(serve: Serve) -> None:
    app = serve()
    app.inject("freeze mode=loop")
    app.line(STUCK)
    app.process.terminate()
    app.admin("DELETE", "faults")

    assert app.exit_code() == 0
    assert app.came("Recovered: fault f1", "Signal: SIGTERM")


def test_freezing_through_the_data_plane_is_answered_first(serve: Serve) -> None:
    app = serve()
    answer = app.ask("/admin/freeze", method="POST")

    assert answer.status == 201
    app.line(STUCK)


def test_a_hung_app_takes_requests_and_goes_on_with_them_when_thawed(serve: Serve) -> None:
    app = serve()
    app.inject("freeze mode=hang")
    hung = in_background(lambda: app.ask("/ready", timeout=DEADLINE))
    until(lambda: app.admin("GET", "status")["in_flight"] == 1, "the request is held")
    app.admin("DELETE", "faults")

    assert hung().status == 200


def test_a_deaf_app_refuses_connections_and_listens_again_when_recovered(serve: Serve) -> None:
    app = serve()
    port = app.port
    app.inject("freeze mode=deaf")
    until(lambda: refused(port), "connections are refused")
    app.admin("DELETE", "faults")
    until(lambda: not refused(port), "connections are taken")

    assert app.ask("/ready", port=port).status == 200


@needs_proc
def test_a_stopped_process_is_woken_after_its_for(serve: Serve) -> None:
    app = serve()
    begun = time.monotonic()
    app.inject("freeze mode=stop for=700ms")
    until(lambda: state(app.process.pid) == "T", "the process is stopped")
    until(lambda: state(app.process.pid) != "T", "the process is woken")

    assert time.monotonic() - begun >= 0.7
    assert app.ask("/ready").status == 200
    app.line("Ended: fault f1")


def test_crash_says_mayday_and_then_the_process_exits(serve: Serve) -> None:
    app = serve(EXIT_CODE="7")
    answer = app.ask("/crash")

    assert (answer.status, answer.body) == (200, "Message from webapp-1 : Mayday! Mayday! Going to crash!")
    assert app.exit_code() == 7
    assert "Message from webapp-1 : Mayday! Mayday! Going to crash!" in app.lines


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"KILL_IN_SECONDS": "0.5"}, 1),
        ({"KILL_IN_SECONDS": "0.5", "EXIT_CODE": "3"}, 3),
        ({"FAULTS": "crash mode=signal signal=KILL after=500ms"}, -signal.SIGKILL),
        ({"FAULTS": "crash mode=signal signal=TERM after=500ms"}, 143),
    ],
)
def test_a_countdown_to_the_end_serves_until_then(serve: Serve, settings: dict[str, str], code: int) -> None:
    app = serve(**settings)
    app.line("serving on")

    assert app.exit_code() == code


def test_a_trap_takes_the_request_that_springs_it_with_it(serve: Serve) -> None:
    app = serve(FAULTS="crash code=9 routes=/boom")
    assert app.ask("/ready").status == 200
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        app.ask("/boom")

    assert app.exit_code() == 9


def test_the_crashy_app_lab(serve: Serve, tmp_path: Path) -> None:
    healthy, app = serve(CRASH_AFTER="1h"), serve(CRASH_AFTER="1.5", STATE_DIR=str(tmp_path))
    hi = "Hi, my name is webapp-1 and I'm a crashy app...\n"
    assert healthy.ask("/").body == hi + "But I didn't crash... yet :D\n"
    assert healthy.ask("/health").body == "200 OK"
    until(lambda: app.ask("/health").status == 500, "the crash")

    assert app.ask("/health").body == "500 Internal Server Error"
    assert re.fullmatch(re.escape(hi) + r"I crashed \d+\.\d\d seconds ago, sorry about that :\(\n", app.ask("/").body)
    assert app.process.poll() is None
    until(lambda: not list(tmp_path.glob("is_*")), "neither ready nor healthy")


def test_the_port_is_bound_after_the_warm_up(serve: Serve) -> None:
    app = serve(APP_START_DELAY="0.5")

    assert app.came("^Warming Up Application. Will take 0.5 seconds to finish.$", "^Application Ready!$", "serving on")
    assert app.ask("/startupz").status == 200


def test_in_the_warm_up_nothing_listens_but_the_control_plane_and_sigterm_ends_it(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    app = serve(APP_START_DELAY="1h", PORT=str(port))
    app.line("^Warming Up Application. Will take 3600 seconds to finish.$")
    status = app.admin("GET", "status")

    assert (status["phase"], status["health"]["readiness"]) == ("warming up", False)
    assert status["countdowns"][0]["name"] == "APP_START_DELAY"
    assert refused(port)
    app.process.terminate()

    assert app.exit_code() == 0
    assert "Application Ready!" not in app.log


def test_a_request_in_flight_is_answered_while_readiness_says_no_and_liveness_yes(serve: Serve, tmp_path: Path) -> None:
    app = serve(FAULTS="freeze mode=hang routes=/info", STATE_DIR=str(tmp_path), DRAIN_SECONDS="1h")
    port = app.port
    slow = in_background(lambda: app.ask("/info", port=port, timeout=DEADLINE))
    until(lambda: app.admin("GET", "status")["in_flight"] == 1, "the request is in flight")
    app.process.terminate()
    app.line("Signal: SIGTERM")
    until(lambda: app.ask("/ready", port=port).status == 503, "unready")

    assert app.ask("/livez", port=port).status == 200
    until(lambda: not (tmp_path / "is_ready").exists(), "no is_ready")
    assert {"is_started", "is_healthy"} <= {file.name for file in tmp_path.iterdir()}
    app.admin("DELETE", "faults")
    assert slow().body == "Hello, Application Version: v1 ; Color: blue"
    assert app.exit_code() == 0
    assert list(tmp_path.glob("is_*")) == []


def test_a_connection_that_is_kept_is_given_up_in_the_drain(serve: Serve) -> None:
    app = serve(FAULTS="freeze mode=hang routes=/info", DRAIN_SECONDS="1h")
    with closing(http.client.HTTPConnection("127.0.0.1", app.port, timeout=DEADLINE)) as kept:
        kept.request("GET", "/hostname")
        assert kept.getresponse().read() == b"webapp-1"
        waiting = in_background(lambda: app.ask("/info", timeout=DEADLINE))
        until(lambda: app.admin("GET", "status")["in_flight"] == 1, "the request is in flight")
        app.process.terminate()
        app.line("Signal: SIGTERM: shutting down")
        kept.request("GET", "/hostname")
        assert kept.getresponse().headers["Connection"] == "close"
    app.admin("DELETE", "faults")

    assert waiting().headers["Connection"] == "close"
    assert app.exit_code() == 0


def test_a_request_that_takes_too_long_is_cut_off(serve: Serve) -> None:
    app = serve(FAULTS="freeze mode=hang routes=/info", DRAIN_SECONDS="300ms")
    hung = in_background(lambda: app.ask("/info", timeout=DEADLINE))
    until(lambda: app.admin("GET", "status")["in_flight"] == 1, "the request is in flight")
    app.process.terminate()

    assert app.exit_code() == 0
    assert not isinstance(hung(), Answer)
    assert "drain finished; 1 requests aborted" in app.log


def test_a_second_signal_ends_the_drain(serve: Serve) -> None:
    app = serve(FAULTS="freeze mode=hang routes=/info", DRAIN_SECONDS="1h")
    in_background(lambda: app.ask("/info", timeout=DEADLINE))
    until(lambda: app.admin("GET", "status")["in_flight"] == 1, "the request is in flight")
    app.process.terminate()
    app.line("Signal: SIGTERM: shutting down")
    app.process.terminate()

    assert app.exit_code() == 0


def test_a_port_that_is_taken_is_skipped_while_another_is_free(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        taken = sock.getsockname()[1]
        app = serve(PORT=f"{taken},0", ADMIN_PORT=str(taken + 1))
        app.line(rf"warning Skipped: PORT: {taken}: can't be bound on 127.0.0.1: Address already in use")

        assert app.ask("/ready").status == 200


def test_no_port_at_all_is_one_line_and_2(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        taken = sock.getsockname()[1]
        app = serve(PORT=str(taken), ADMIN_PORT="")

        assert app.exit_code() == 2
    app.line(f"^crashy serve: PORT: {taken}: can't be bound on 127.0.0.1: Address already in use$")


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.1", "999.0.0.1"])
def test_a_host_that_is_not_of_this_machine_is_one_line_and_2(serve: Serve, host: str) -> None:
    app = serve("--host", host, "--port", "80,8080", ADMIN_PORT="")

    assert app.exit_code() == 2
    errors = [line for line in app.lines if line.startswith("crashy serve: ")]
    assert len(errors) == 1
    assert re.match(rf"crashy serve: HOST: {host}: must be an address or a name of this machine: \w", errors[0])


def test_an_admin_port_that_is_taken_is_a_warning(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        app = serve(ADMIN_PORT=str(sock.getsockname()[1]))
        app.line("warning Skipped: ADMIN_PORT: .*: the admin API is on PORT only")

        assert json.loads(app.ask("/admin/status").body)["admin_port"] is None


def test_several_ports_serve_the_same_app(serve: Serve) -> None:
    app = serve(PORT="0,0,0", ADMIN_PORT="")
    ports = [int(port) for port in re.findall(r":(\d+)", app.line("serving on (.*)")[1])]

    assert len(set(ports)) == 3
    assert {app.ask("/hostname", port=port).body for port in ports} == {"webapp-1"}


def test_what_is_not_http_is_refused_signed_and_no_traceback(serve: Serve) -> None:
    app = serve()
    with socket.create_connection(("127.0.0.1", app.port), timeout=10) as sock:
        sock.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        answer = sock.makefile("rb").read().decode()

    assert "400 Bad Request" in answer
    assert "X-Pod: webapp-1" in answer


def test_the_log_is_json_where_asked_for(serve: Serve) -> None:
    app = serve(LOG_FORMAT="json", POD_NAME="web-9")
    app.line('"serving on http://127')
    app.ask("/info", port=json.loads(app.line('.*"plane":"data".*')[0])["ports"][0])
    request = json.loads(app.line('.*"path":"/info".*')[0])

    assert {key: request[key] for key in ("pod", "kind", "method", "status", "client")} == {
        "pod": "web-9",
        "kind": "request",
        "method": "GET",
        "status": 200,
        "client": "users",
    }
    assert all(json.loads(line) for line in list(app.lines))


def test_the_access_log_can_be_off_and_spares_the_kubelets_probes(serve: Serve) -> None:
    app, quiet = serve(), serve(ACCESS_LOG="0")
    for each in (app, quiet):
        each.ask("/ready", User_Agent="kube-probe/1.36")
        each.ask("/nope")
    app.line("GET /nope 404")

    assert "/ready" not in app.log
    assert "Answered" not in quiet.log


def test_without_uvloop_it_says_so_and_serves(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "uvloop.py").write_text("raise ImportError('no wheel for this platform')\n")
    app = serve(PYTHONPATH=f"{tmp_path}{os.pathsep}{Path(__file__).parents[2]}")
    app.line("warning NoUvloop: uvloop can't be imported .no wheel for this platform.: using asyncio's event loop")
    assert app.ask("/ready").status == 200
    app.inject("freeze for=200ms")
    app.line("Ended: fault f1")
    assert app.ask("/ready").status == 200
    app.inject("freeze mode=deaf for=200ms")
    app.line("Ended: fault f2")
    until(lambda: not refused(app.port), "connections are taken")
    app.process.terminate()

    assert app.exit_code() == 0


def test_a_state_folder_that_cannot_be_written_is_a_warning(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    app = serve(STATE_DIR=str(tmp_path / "file"), CRASHY_PROT="1")
    app.line(f"warning NoStateFiles: STATE_DIR: {tmp_path}/file: can't keep is_started, is_ready, is_healthy there: ")
    app.line("warning Ignored: CRASHY_PROT: is not a setting; did you mean PORT?")

    assert app.ask("/ready").status == 200


def test_without_standard_streams_it_lives_and_ends_as_well(tmp_path: Path) -> None:
    app = Running.start({"STATE_DIR": str(tmp_path)}, under=("sh", "-c", 'exec "$0" "$@" <&- >&-'))
    try:
        until((tmp_path / "is_ready").exists, "it is ready")
        app.process.terminate()

        assert (app.exit_code(), app.log) == (0, "")
    finally:
        app.end()


def test_a_bad_setting_is_one_line_and_2(serve: Serve) -> None:
    app = serve(CRASH_AFTER="soon")

    assert app.exit_code() == 2
    until(lambda: len(app.lines) == 1, "one line")
    assert app.lines[0].startswith("crashy serve: CRASH_AFTER: soon: must be a duration")


def test_blocking_rng_makes_others_wait_and_async_does_not(serve: Serve) -> None:
    blocking, concurrent = serve(RNG_MODE="blocking"), serve(RNG_MODE="async")

    def seconds(app: Running) -> float:
        port = app.port
        begun = time.monotonic()
        for answer in [in_background(lambda: app.ask("/1", port=port)) for _ in range(8)]:
            assert answer().status == 200
        return time.monotonic() - begun

    assert seconds(blocking) >= 0.8
    until(lambda: seconds(concurrent) < 0.8, "eight take less time than one after another")


@pytest.fixture
def serve_as_process_1() -> Iterator[Callable[..., Running]]:
    """Start a patient as process 1 of a PID namespace, where the kernel spares it its own signals."""
    under = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child")
    need("unshare")
    if subprocess.run([*under, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may make no PID namespace: run the tests as root, or allow user namespaces")
    started: list[Running] = []

    def start(**settings: str) -> Running:
        started.append(Running.start(settings, under=under))
        return started[-1]

    yield start
    for running in started:
        running.end()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("crash code=4 after=200ms", 4),
        ("crash mode=signal signal=SEGV after=200ms", 139),
        ("crash mode=signal signal=KILL after=200ms", 137),
        ("crash mode=overflow after=200ms", -signal.SIGSEGV),  # no signal of its own: unshare hands it on
        ("crash mode=abort after=200ms", 134),
        ("freeze mode=stop for=1s", 2),
    ],
)
def test_process_1_of_a_container_ends_with_the_code_that_its_runtime_would_report(
    serve_as_process_1: Serve, fault: str, code: int
) -> None:
    assert serve_as_process_1(FAULTS=fault).exit_code() == code


def test_process_1_of_a_container_hears_sigterm(serve_as_process_1: Serve) -> None:
    app = serve_as_process_1()
    app.line("serving on")
    child = Path(f"/proc/{app.process.pid}/task/{app.process.pid}/children").read_text().split()
    os.kill(int(child[0]), signal.SIGTERM)

    assert app.exit_code() == 0
    assert "Drained" in app.log
