"""Faults of the process, from outside: what clients and the kernel see of them, and that nothing of them is left."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.elsewhere import needs_proc
from tests.needs import need
from tests.server.running import DEADLINE, Answer, Running, children, until
from tests.server.test_serve import in_background

Serve = Callable[..., Running]

pytestmark = needs_proc


@pytest.fixture(scope="module")
def app() -> Iterator[Running]:
    """A patient that every fault leaves as it was."""
    running = Running.start({})
    running.line("serving on")
    yield running
    running.end()


def threads(app: Running) -> int:
    return len(list(Path(f"/proc/{app.process.pid}/task").iterdir()))


def refused(app: Running, spec: str) -> Answer:
    """Inject what is refused."""
    body = json.dumps({"spec": spec})
    return app.ask("/admin/faults", port=app.admin_port, method="POST", body=body, Content_Type="application/json")


def times_out(app: Running, port: int) -> bool:
    """Return whether a connection is taken, and a request on it not answered."""
    try:
        app.ask("/ready", port=port, timeout=0.2)
    except TimeoutError:
        return True
    return False


def test_while_a_c_call_holds_the_gil_nothing_is_answered_and_connections_are_taken(app: Running) -> None:
    before = threads(app), children(app.process.pid)
    app.inject("freeze mode=gil for=1s")
    until(lambda: times_out(app, app.port), "the app stands still")

    assert times_out(app, app.admin_port)  # the admin API too
    with socket.create_connection(("127.0.0.1", app.port), timeout=DEADLINE):
        pass
    assert app.ask("/ready", timeout=DEADLINE).status == 200
    until(lambda: (threads(app), children(app.process.pid)) == before, "the helper is gone")


def test_a_signal_waits_for_the_gil(serve: Serve) -> None:
    app = serve()
    app.line("serving on")
    app.inject("freeze mode=gil for=500ms")
    until(lambda: times_out(app, app.admin_port), "it stands still")
    app.process.terminate()

    assert app.exit_code() == 0
    assert app.came("Signal: SIGTERM: shutting down", "Ended: fault f1") or "Ended: fault f1" in app.log


def test_who_ends_the_gil_dies_with_the_patient(serve: Serve) -> None:
    app = serve()
    app.line("serving on")
    app.inject("freeze mode=gil for=1h")
    (helper,) = until(lambda: children(app.process.pid), "the helper is there")
    app.process.kill()
    app.exit_code()

    until(lambda: not Path(f"/proc/{helper}").exists(), "the helper is gone")


@pytest.mark.parametrize(("mode", "more"), [("threads", 16), ("deadlock", 2)])
def test_users_wait_for_a_thread_or_a_lock_and_probes_pass(app: Running, mode: str, more: int) -> None:
    before = threads(app)
    fault = app.inject(f"freeze mode={mode}")
    until(lambda: threads(app) == before + more, "the threads wait")
    waiting = in_background(lambda: app.ask("/hostname", timeout=DEADLINE))
    until(lambda: app.admin("GET", "status")["in_flight"] == 1, "the request waits")

    assert app.ask("/ready", User_Agent="kube-probe/1.36").status == 200
    assert app.ask("/livez").status == 200
    app.admin("DELETE", f"faults/{fault}")
    assert waiting().body == "webapp-1"
    until(lambda: threads(app) == before, "the threads have ended")


@pytest.mark.parametrize("mode", ["threads", "deadlock"])
def test_it_ends_with_the_last_request_that_it_was_to_hold(app: Running, mode: str) -> None:
    before = threads(app)
    app.inject(f"freeze mode={mode} times=1 routes=/hostname")
    until(lambda: threads(app) > before, "the threads wait")
    with pytest.raises(TimeoutError):
        app.ask("/hostname", timeout=0.1)

    until(lambda: threads(app) == before, "its client has given up, and the threads have ended")
    assert app.ask("/hostname").status == 200


def test_a_request_may_set_it_off(app: Running) -> None:
    app.inject("fork-zombies to=3 routes=/info times=1 for=1h")
    assert not children(app.process.pid)
    app.ask("/info")
    until(lambda: len(children(app.process.pid)) == 3, "three zombies")

    app.admin("DELETE", "faults")
    until(lambda: not children(app.process.pid), "they are waited for")


@pytest.mark.parametrize("mode", ["threads", "deadlock"])
def test_the_scope_says_which_requests_need_the_thread_or_the_lock(app: Running, mode: str) -> None:
    before = threads(app)
    app.inject(f"freeze mode={mode} routes=/readyz for=700ms")
    until(lambda: threads(app) > before, "the threads wait")

    assert app.ask("/hostname").status == 200
    assert times_out(app, app.port) is False  # /ready is another route
    with app.requested("/readyz") as answer:
        assert answer().status == 200  # once the fault has ended by itself
    until(lambda: threads(app) == before, "the threads have ended")


def test_zombies_are_there_until_the_fault_ends(app: Running) -> None:
    fault = app.inject("fork-zombies to=120")
    until(lambda: list(children(app.process.pid).values()) == ["Z"] * 120, "a hundred and twenty zombies")

    assert app.ask("/ready").status == 200
    app.admin("DELETE", f"faults/{fault}")
    until(lambda: not children(app.process.pid), "they are waited for")


def test_zombies_come_at_a_rate_and_go_after_a_time(app: Running) -> None:
    app.inject("fork-zombies to=1000 rate=20 for=500ms")
    until(lambda: children(app.process.pid), "the first is there")

    until(lambda: not children(app.process.pid), "they are waited for")
    assert "fork-zombies: starts no more" not in app.log


def test_more_zombies_than_there_is_room_for_are_refused() -> None:
    need("prlimit")
    app = Running.start({}, under=("prlimit", "--nproc=50"))
    try:
        answer = refused(app, "fork-zombies")

        assert answer.status == 409
        assert "100: at most 0 here, so that other processes keep a tenth of the limit" in answer.body
    finally:
        app.end()


def test_sigterm_is_lost_while_it_is_ignored(serve: Serve) -> None:
    app = serve(FAULTS="ignore-sigterm; fork-zombies to=1")
    until(lambda: children(app.process.pid), "the first fault has begun, as the second has")
    app.process.terminate()
    app.line("Signal: SIGTERM: ignored")
    app.admin("DELETE", "faults")
    until(lambda: not children(app.process.pid), "the first fault has ended, as the second has")

    assert app.ask("/ready").status == 200  # it doesn't take effect now either
    app.process.terminate()
    assert app.exit_code() == 0


def test_a_slow_drain_ends_with_its_fault(serve: Serve) -> None:
    app = serve(FAULTS="slow-drain by=1h; fork-zombies to=1")
    until(lambda: children(app.process.pid), "the first fault has begun, as the second has")
    app.process.terminate()
    until(lambda: app.ask("/ready").status == 503, "it drains")

    assert app.ask("/hostname").status == 200
    app.admin("DELETE", "faults")
    assert app.exit_code() == 0
    app.line("Shutdown: SIGTERM: 0 requests in flight, . late arrivals?; . finished, 0 dropped")


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ("crash code=3", 3),
        ("crash mode=signal signal=SEGV", -signal.SIGSEGV),
        ("crash mode=overflow", -signal.SIGSEGV),
        ("crash mode=abort", -signal.SIGABRT),
    ],
)
def test_a_crash_leaves_its_message(serve: Serve, tmp_path: Path, spec: str, code: int) -> None:
    said = tmp_path / "message"
    app = serve(STATE_DIR=str(tmp_path / "state"), TERMINATION_MESSAGE_PATH=str(said))
    app.line("serving on")
    app.inject(f"{spec} message='the disk is full: {'ü' * 3000}'")

    assert app.exit_code() == code
    assert said.read_text().startswith("the disk is full: üü")
    assert len(said.read_bytes()) <= 4096


def test_a_message_that_can_not_be_left_is_no_error(serve: Serve, tmp_path: Path) -> None:
    app = serve(TERMINATION_MESSAGE_PATH=str(tmp_path / "no" / "such" / "folder"))
    app.line("serving on")
    app.inject("crash code=4 message=bye")

    assert app.exit_code() == 4


def test_a_crash_that_goes_on_leaves_no_message(app: Running) -> None:
    answer = refused(app, "crash mode=errors message=bye")

    assert answer.status == 400
    assert "a process that goes on leaves none: not for mode=errors" in answer.body
