"""SIGTERM in each way that SHUTDOWN may name: what users, the log and the termination message have of it."""

from __future__ import annotations

import http.client
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.server.running import DEADLINE, Answer, Running, until
from tests.server.test_serve import in_background, refused

Serve = Callable[..., Running]
SLOW = {"FAULTS": "freeze mode=hang routes=/info", "DRAIN_SECONDS": "1h"}


def with_one_in_flight(app: Running) -> Callable[[], Answer]:
    """Send a request that the patient holds; what is given back waits for its answer."""
    port = app.port
    waiting = in_background(lambda: app.ask("/info", port=port, timeout=DEADLINE))
    until(lambda: app.admin("GET", "status")["in_flight"] == 1, "the request is in flight")
    return waiting


def test_readiness_first_answers_who_comes_late_and_says_so_at_the_end(serve: Serve, tmp_path: Path) -> None:
    said = tmp_path / "message"
    app = serve(**SLOW, TERMINATION_MESSAGE_PATH=str(said))
    waiting = with_one_in_flight(app)
    app.process.terminate()
    app.line("Signal: SIGTERM: shutting down")
    app.ask("/ready", User_Agent="kube-probe/1.36")

    assert app.ask("/hostname").status == 200
    app.admin("DELETE", "faults")
    assert waiting().status == 200
    assert app.exit_code() == 0
    summary = "SIGTERM: 1 request in flight, 1 late arrival; 2 finished, 0 dropped"
    app.line(f"info Shutdown: {summary}$")
    assert said.read_text() == summary


def test_listener_first_refuses_and_finishes_what_is_in_flight(serve: Serve) -> None:
    app = serve(**SLOW, SHUTDOWN="listener-first")
    with closing(http.client.HTTPConnection("127.0.0.1", app.port, timeout=DEADLINE)) as kept:
        kept.request("GET", "/hostname")
        assert kept.getresponse().read() == b"webapp-1"
        waiting = with_one_in_flight(app)
        app.process.terminate()
        until(lambda: refused(app.port), "connections are refused")

        assert kept.sock is None or kept.sock.recv(1) == b""  # a connection that waits for a next request is closed
    assert app.admin("GET", "status")["phase"] == "draining"
    app.admin("DELETE", "faults")

    assert waiting().body == "Hello, Application Version: v1 ; Color: blue"
    assert app.exit_code() == 0
    app.line("Shutdown: SIGTERM: 1 request in flight, 0 late arrivals; 1 finished, 0 dropped$")


def test_listener_first_waits_for_nobody_when_nothing_is_in_flight(serve: Serve) -> None:
    app = serve(SHUTDOWN="listener-first", DRAIN_SECONDS="1h")
    app.line("serving on")
    app.process.terminate()

    assert app.exit_code() == 0


def test_instant_drops_what_is_in_flight(serve: Serve, tmp_path: Path) -> None:
    app = serve(**SLOW, SHUTDOWN="instant", STATE_DIR=str(tmp_path))
    waiting = with_one_in_flight(app)
    app.process.terminate()

    assert isinstance(waiting(), OSError | http.client.HTTPException)
    assert app.exit_code() == 0
    app.line("Shutdown: SIGTERM: 1 request in flight, 0 late arrivals; 0 finished, 1 dropped$")
    assert list(tmp_path.glob("is_*")) == []


def test_ignore_serves_on_until_it_is_killed(serve: Serve) -> None:
    app = serve(SHUTDOWN="ignore")
    app.line("serving on")
    app.process.terminate()
    app.line("Signal: SIGTERM: ignored")
    app.process.terminate()
    until(lambda: len([line for line in app.lines if line.endswith("SIGTERM: ignored")]) == 2, "the second one too")

    assert app.ask("/ready").status == 200
    app.process.kill()
    assert app.exit_code() == -signal.SIGKILL


def test_what_ignores_sigterm_hears_ctrl_c(serve: Serve) -> None:
    app = serve(SHUTDOWN="ignore")
    app.line("serving on")
    app.process.send_signal(signal.SIGINT)

    assert app.exit_code() == 0
    app.line("Shutdown: SIGINT: 0 requests in flight, 0 late arrivals; 0 finished, 0 dropped$")


def test_slow_drains_until_it_is_killed_or_asked_again(serve: Serve) -> None:
    app = serve(SHUTDOWN="slow", DRAIN_SECONDS="0")
    app.line("serving on")
    app.process.terminate()
    until(lambda: app.ask("/ready").status == 503, "it drains")
    assert app.ask("/hostname").status == 200
    app.process.terminate()

    assert app.exit_code() == 0
    assert app.came("SIGTERM: received again", "Shutdown: SIGTERM: 0 requests in flight")


def test_what_the_drain_cuts_off_was_dropped(serve: Serve) -> None:
    app = serve(**SLOW | {"DRAIN_SECONDS": "100ms"})
    waiting = with_one_in_flight(app)
    app.process.terminate()

    assert app.exit_code() == 0
    assert not isinstance(waiting(), Answer)
    app.line("Shutdown: SIGTERM: 1 request in flight, 0 late arrivals; 0 finished, 1 dropped$")


def test_a_crash_in_the_drain_drops_the_rest(serve: Serve, tmp_path: Path) -> None:
    said = tmp_path / "message"
    app = serve(**SLOW, TERMINATION_MESSAGE_PATH=str(said))
    with_one_in_flight(app)
    app.process.terminate()
    app.line("Signal: SIGTERM: shutting down")
    app.inject("crash code=7")

    assert app.exit_code() == 7
    assert said.read_text() == "SIGTERM: 1 request in flight, 0 late arrivals; 0 finished, 1 dropped"


@pytest.mark.parametrize("mode", ["listener-first", "instant", "slow"])
def test_in_the_warm_up_there_is_nothing_to_drain(serve: Serve, mode: str) -> None:
    app = serve(SHUTDOWN=mode, APP_START_DELAY="1h")
    app.line("^Warming Up Application")
    app.process.terminate()

    assert app.exit_code() == 0
