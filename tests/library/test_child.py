"""A process of one's own: how long it lives, and how much of what it has told is kept."""

from __future__ import annotations

import gc
import os
import re
import subprocess
import sys
import weakref
from collections.abc import Iterator
from urllib.request import urlopen

import pytest

from crashy import Lab, Patient
from crashy.engines.lab import warden
from crashy.library import child
from crashy.library.child import Child
from tests.commands.labs import eventually, lab_processes
from tests.elsewhere import needs_proc
from tests.library.test_lab import pod

LAB = f"Lab({pod('web')!r})"
OF_FORKS = """
import multiprocessing, os, signal, sys, time
from crashy import Lab, Patient

def stay():
    print(os.getpid(), flush=True)
    sys.stdin.read()

mine = {made}
if {how!r} == "os.fork":
    if not os.fork():
        stay()
        os._exit(0)
else:
    context = multiprocessing.get_context("fork")
    told = context.Queue()
    context.Process(target=lambda: (told.put(os.getpid()), time.sleep(1000))).start()
    print(told.get(), flush=True)
{end}
"""
ENDS = {"killed": "os.kill(os.getpid(), signal.SIGKILL)", "exits": "os._exit(0)"}


@pytest.fixture
def marker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Mark what the test starts, by a variable of its environment."""
    value = f"{request.node.name}-{os.getpid()}"
    monkeypatch.setenv("LEFT_BY", value)
    return f"LEFT_BY={value}"


@needs_proc
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("how", ["os.fork", "multiprocessing"])
@pytest.mark.parametrize("made", ["Patient()", LAB], ids=["patient", "lab"])
def test_it_ends_with_its_process_though_a_fork_of_that_lives_on(marker: str, made: str, how: str, end: str) -> None:
    code = OF_FORKS.format(made=made, how=how, end=ENDS[end])
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as user:
        assert user.stdout
        fork = int(user.stdout.readline())
        try:
            eventually(lambda: lab_processes(marker) == [fork])
        finally:
            os.kill(fork, 9)
            eventually(lambda: not lab_processes(marker))


def test_a_fork_that_closes_it_ends_nothing() -> None:
    with Patient() as patient:
        fork = os.fork()
        if not fork:
            patient.close()
            os._exit(0)
        os.waitpid(fork, 0)
        assert patient.inject("unready") == "f1"


def test_of_those_that_are_closed_nothing_is_remembered() -> None:
    with Patient() as patient:
        gone = weakref.ref(patient)
        assert len(warden._OPEN) >= 1
    before = len(warden._OPEN)
    del patient
    gc.collect()
    assert gone() is None
    assert len(warden._OPEN) < before


@needs_proc
@pytest.mark.parametrize("after", ["del mine", "mine = None", "", "import gc; mine = [mine]; mine.append(mine)"])
@pytest.mark.parametrize("made", ["Patient()", LAB], ids=["patient", "lab"])
@pytest.mark.parametrize("action", ["error", "always"])
def test_one_that_was_never_closed_is_ended_with_a_resource_warning(
    marker: str, made: str, after: str, action: str
) -> None:
    code = f"from crashy import Lab, Patient\nmine = {made}\n{after}"
    done = subprocess.run(
        [sys.executable, "-W", action, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )

    (reported,) = [line for line in done.stderr.splitlines() if "was never closed" in line]
    command = "lab" if made == LAB else "serve"
    assert re.search(
        rf"ResourceWarning: crashy {command}, process \d+, was never closed: use `with`, or close\(\)$", reported
    )
    assert "unclosed" not in done.stderr, "nothing else is told of it"
    assert "still running" not in done.stderr
    assert done.returncode == 0
    eventually(lambda: not lab_processes(marker))


def test_one_that_was_closed_gives_none() -> None:
    for made in ("Patient()", LAB):
        code = f"from crashy import Lab, Patient\nwith {made}: pass\nmine = {made}\nmine.close()"
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> Iterator[Patient]:
    """Make one of which ten lines are kept, and a few are read at once."""
    monkeypatch.setattr(child, "MOST", 10)
    monkeypatch.setattr(child, "_CHUNK", 100)
    with Patient() as patient:
        yield patient


def ask(patient: Patient, *paths: str) -> None:
    for path in paths:
        with urlopen(f"{patient.url}/{path}", timeout=10):
            pass


def test_the_last_requests_are_kept_and_the_others_are_counted(patient: Patient) -> None:
    ask(patient, *(f"?{number}" for number in range(9)), *["info"] * 10)

    assert [request.path for request in patient.requests] == ["/info"] * 10
    assert patient.dropped == 9
    assert len(patient.wait_for_requests(19)) == 10, "those that were dropped have been answered"
    with pytest.raises(TimeoutError, match=r"19 of 20 requests within 0 s:\n"):
        patient.wait_for_requests(20, timeout=0)
    patient.forget()
    assert (patient.requests, patient.dropped) == ([], 0)
    ask(patient, "info")
    assert len(patient.wait_for_requests(1)) == 1


def test_the_last_events_are_kept_and_the_state_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "MOST", 3)
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
    with Lab(service, pod("web")) as lab:
        assert len(lab.timeline) == 3
        assert lab.dropped > 0
        assert [one.name for one in lab.pods()] == ["web"]
        assert lab.url("web").startswith("http://")
        lab.crash("web")
        eventually(lambda: [one.restarts for one in lab.pods()] == [1])


def test_what_is_forgotten_takes_no_room_on_the_disk_and_what_comes_then_is_read() -> None:
    read: list[str] = []

    def listen(line: str) -> str:
        read.append(line)
        return line

    environ = {**os.environ, "PORT": "0", "ADMIN_PORT": "0", "LOG_FORMAT": "json", "APP_VERSION": "x" * 63}
    running = Child("serve", read=listen, environ=environ)
    try:
        running.wait(lambda: len(running.records()) >= 2, 30, lambda: "it does not listen")
        assert os.fstat(running._output.fileno()).st_blocks > 0
        running.forget()
        assert os.fstat(running._output.fileno()).st_blocks == 0
        assert running.records() == []
        before = len(read)
        running._process.terminate()
        assert running.join() == 0
        assert running.records() == read[before:] != [], "each line is read once"
    finally:
        running.close()
