"""A fault of CPU in a real patient: its burners, as the kernel sees them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.server.running import Running, until

Serve = Callable[..., Running]
pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux' /proc")


def burners(app: Running) -> list[int]:
    """Return the patient's children."""
    tasks = Path(f"/proc/{app.process.pid}/task")
    return [int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()]


def runs(pid: int) -> bool:
    """Return whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def burned(pid: int) -> float:
    """Return the CPU seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def burning(app: Running, spec: str, count: int) -> list[int]:
    """Inject a fault, wait until its processes have burned something, and return them."""
    app.inject(spec)
    found: list[int] = until(lambda: len(burners(app)) == count and burners(app), f"{count} burners")
    until(lambda: all(burned(pid) >= 0.2 for pid in found), "CPU time is burned")
    return found


def test_it_burns_in_processes_of_its_own_until_it_is_recovered(serve: Serve) -> None:
    app = serve()
    assert app.port

    (burner,) = burning(app, "cpu", 1)
    assert app.ask("/live").status == app.ask("/ready").status == 200
    app.admin("DELETE", "faults")

    until(lambda: not runs(burner) and burners(app) == [], "the burner ends")


def test_it_ends_after_its_for(serve: Serve) -> None:
    app = serve()
    assert app.port

    burning(app, "cpu share=50% for=2s", 1)

    until(lambda: burners(app) == [], "the burner ends")


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_faults_together_burn_no_more_cores_than_there_are(serve: Serve) -> None:
    app = serve()
    assert app.port
    cores = len(os.sched_getaffinity(0))

    app.inject("cpu share=1%")
    until(lambda: len(burners(app)) == 1, "the first burner")
    app.inject(f"cpu cores={cores} share=2%")
    until(lambda: len(burners(app)) == cores, "as many as there are cores")
    app.inject("freeze mode=deaf")
    app.admin("DELETE", "faults")

    until(lambda: burners(app) == [], "all end")


def test_more_cores_than_there_are_are_refused(serve: Serve) -> None:
    app = serve()
    answer = app.ask(
        "/admin/faults", method="POST", port=app.admin_port, body="cpu cores=1024", Content_Type="text/plain"
    )

    assert answer.status == 409
    assert "as many as the process may use" in answer.body


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_burners_die_with_the_patient(how: signal.Signals, serve: Serve) -> None:
    app = serve()
    assert app.port
    (burner,) = burning(app, "cpu", 1)

    app.process.send_signal(how)
    app.exit_code()

    until(lambda: not runs(burner), "the burner ends")


def test_a_crash_takes_them_along(serve: Serve) -> None:
    app = serve()
    assert app.port
    (burner,) = burning(app, "cpu", 1)

    app.inject("crash code=3")

    assert app.exit_code() == 3
    until(lambda: not runs(burner), "the burner ends")
