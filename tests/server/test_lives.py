"""Real patients that die in every way, and what their next life knows of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crashy.engines.lab import reaper
from crashy.engines.lab.cgroups import Cgroups
from crashy.kubelet.runtime import Pod
from crashy.kubelet.versions import NEWEST
from crashy.objects.pod import parse_pod_template
from crashy.patient.lives import SLOT, Life, tell
from tests.elsewhere import needs_cgroups
from tests.server.running import Running, until

Serve = Callable[..., Running]
WORD = r"ended without a word \(SIGKILL, OOM or node\)"


def former(app: Running) -> dict[str, Any]:
    """Return what a patient knows of its former life."""
    found: dict[str, Any] = app.admin("GET", "status")["lives"]["former"][-1]
    return found


def kept(folder: Path, text: str) -> None:
    """Wait until the record of a life has a text."""
    until(lambda: text in (folder / "lives.jsonl").read_text(), f"{text} in the record")


@pytest.mark.parametrize(
    ("fault", "code", "how", "end"),
    [
        ("crash mode=exit code=3", 3, "exit", "exited with code 3 (crash code=3)"),
        ("crash mode=exit code=0", 0, "exit", "exited with code 0 (crash code=0)"),
        ("crash mode=signal signal=SEGV", 139, "signal", "was killed by SIGSEGV, exit code 139 (crash"),
        ("crash mode=signal signal=ABRT", 134, "signal", "was killed by SIGABRT, exit code 134 (crash"),
        ("crash mode=signal signal=KILL", 137, "signal", "was killed by SIGKILL, exit code 137 (crash"),
        ("crash mode=signal signal=TERM", 143, "signal", "was killed by SIGTERM, exit code 143 (crash"),
    ],
)
def test_a_fault_that_ends_the_process(serve: Serve, tmp_path: Path, fault: str, code: int, how: str, end: str) -> None:
    app = serve(STATE_DIR=str(tmp_path))
    app.ask("/hostname")
    app.inject("latency delay=1ms routes=/info")
    app.inject(fault)
    assert app.exit_code() in {code, 128 - code}
    app = serve(STATE_DIR=str(tmp_path))

    assert (former(app)["how"], former(app)["exit_code"]) == (how, code)
    assert former(app)["end"].startswith(end)
    assert former(app)["last_fault"].startswith("crash")
    assert former(app)["requests"][-1].startswith("GET /hostname 200 ")
    app.line(rf"info Life: life 2; the former one lived \d+\.\d s and {end.partition(' (')[0]}")


def test_a_shutdown(serve: Serve, tmp_path: Path) -> None:
    app = serve(STATE_DIR=str(tmp_path))
    app.line("serving on")
    app.process.terminate()
    assert app.exit_code() == 0
    app = serve(STATE_DIR=str(tmp_path))

    assert (former(app)["how"], former(app)["exit_code"]) == ("shutdown", 0)
    assert former(app)["end"].startswith("shut down (exit code 0): SIGTERM")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT, signal.SIGQUIT, signal.SIGHUP])
def test_what_comes_from_outside_leaves_no_word(serve: Serve, tmp_path: Path, number: signal.Signals) -> None:
    app = serve(STATE_DIR=str(tmp_path))
    app.ask("/ready")
    kept(tmp_path, "GET /ready 200")
    app.process.send_signal(number)
    app.exit_code()
    app = serve(STATE_DIR=str(tmp_path))

    app.line(rf"life 2; the former one lived at least \d+\.\d s and {WORD}")
    assert (former(app)["how"], former(app)["exit_code"]) == ("silent", None)
    assert former(app)["requests"][-1].startswith("GET /ready 200 ")


@pytest.mark.parametrize("mode", ["loop", "stop", "hang"])
def test_killed_while_frozen(serve: Serve, tmp_path: Path, mode: str) -> None:
    app = serve(STATE_DIR=str(tmp_path))
    app.line("serving on")
    app.inject(f"freeze mode={mode} for=1h")
    kept(tmp_path, '"faults":["freeze')
    app.process.terminate()
    app.process.kill()
    app.exit_code()
    app = serve(STATE_DIR=str(tmp_path))

    assert former(app)["how"] == "frozen"
    assert former(app)["end"].startswith("was killed while frozen (freeze ")


def test_a_fault_that_is_over_has_frozen_nothing(serve: Serve, tmp_path: Path) -> None:
    app = serve(STATE_DIR=str(tmp_path))
    app.line("serving on")
    app.inject("freeze mode=hang for=50ms")
    app.line("Ended: fault f1")
    kept(tmp_path, '"faults":[],"last_fault":"freeze')
    app.process.kill()
    app.exit_code()
    app = serve(STATE_DIR=str(tmp_path))

    assert (former(app)["how"], former(app)["last_fault"]) == ("silent", "freeze mode=hang for=50ms")


def test_a_start_that_fails(serve: Serve, tmp_path: Path) -> None:
    first = serve()
    failing = serve(STATE_DIR=str(tmp_path), PORT=str(first.port))
    assert failing.exit_code() == 2
    again = serve(STATE_DIR=str(tmp_path), PORT=str(first.port))
    again.line(r"life 2; the former one lived \d+\.\d s and exited with code 2: PORT: ")
    assert again.exit_code() == 2


def test_it_is_shown_in_status_page_and_metrics_and_by_the_command(serve: Serve, tmp_path: Path) -> None:
    for _ in range(2):
        app = serve(STATE_DIR=str(tmp_path), METRICS="1", FAULTS="crash mode=exit code=7 after=10ms")
        app.exit_code()
    app = serve(STATE_DIR=str(tmp_path), METRICS="1")
    lives = app.admin("GET", "status")["lives"]

    assert (lives["number"], [life["life"] for life in lives["former"]]) == (3, [1, 2])
    assert "exited with code 7 (crash code=7 after=10ms)" in app.ask("/", Accept="text/html").body
    metrics = app.ask("/metrics").body
    assert "\ncrashy_life 3\n" in metrics
    assert '\ncrashy_former_lives{how="exit"} 2\n' in metrics
    url = f"http://127.0.0.1:{app.admin_port}"
    command = [sys.executable, "-m", "crashy", "status", "--url", url]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "\n  life 3\n  life 2 lived " in shown
    assert "and exited with code 7 (crash code=7 after=10ms); last fault: crash code=7 after=10ms" in shown


def test_without_a_folder_there_are_no_lives(serve: Serve) -> None:
    app = serve(METRICS="1")
    assert app.admin("GET", "status")["lives"] is None
    assert "crashy_life" not in app.ask("/metrics").body
    assert "Life" not in app.log


def test_at_most_twenty_are_kept(serve: Serve, tmp_path: Path) -> None:
    lives = [Life(number, "of another", began=float(number)) for number in range(1, 21)]
    (tmp_path / "lives.jsonl").write_bytes(b"".join(life.encode() for life in lives))
    for _ in range(3):
        app = serve(STATE_DIR=str(tmp_path))
        app.line("serving on")
        app.process.kill()
        app.exit_code()

    assert (tmp_path / "lives.jsonl").stat().st_size == 20 * SLOT
    assert (tmp_path / "lives.jsonl").read_text().count("of another") == 17


GARBAGE = {
    "text": b"hello\n" * 1000,
    "binary": os.urandom(SLOT * 2),
    "huge": b"x" * (201 * SLOT),
    "deep": b"[" * 100_000,
    "foreign": b'{"level": "info", "msg": "hello"}\n' * 100,
    "cut": Life(8, "0,0 /webapp-1", began=1.0).encode() + Life(9, "0,0 /webapp-1", began=2.0).encode()[:100],
}


@pytest.mark.parametrize("garbage", GARBAGE)
def test_what_is_no_record_is_set_aside_with_one_line(serve: Serve, tmp_path: Path, garbage: str) -> None:
    file = tmp_path / "lives.jsonl"
    file.write_bytes(GARBAGE[garbage])
    app = serve(STATE_DIR=str(tmp_path))
    app.line("serving on")

    assert [line.partition(" warning ")[2] for line in app.lines if "lives.jsonl" in line] == [
        f"SetAside: STATE_DIR: {file}: isn't a record of lives, or is cut: set aside as lives.jsonl.set-aside"
    ]
    assert (tmp_path / "lives.jsonl.set-aside").read_bytes() == GARBAGE[garbage]
    assert app.admin("GET", "status")["lives"]["number"] == (9 if garbage == "cut" else 1)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (os.mkdir, "is a directory"),
        (os.mkfifo, "isn't a file"),
        (lambda path: path.symlink_to("/dev/zero"), "is a symbolic link"),
    ],
    ids=["folder", "pipe", "link"],
)
def test_what_is_no_file_in_its_place_is_set_aside(
    serve: Serve, tmp_path: Path, make: Callable[[Path], None], why: str
) -> None:
    file = tmp_path / "lives.jsonl"
    make(file)
    app = serve(STATE_DIR=str(tmp_path))
    app.line(f"warning SetAside: STATE_DIR: {file}: {why}: set aside as lives.jsonl.set-aside")
    app.line("life 1")


def test_a_folder_that_cannot_be_used_is_told_and_no_more(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    app = serve(STATE_DIR=str(tmp_path / "file"))
    app.line(f"warning NoLives: STATE_DIR: {tmp_path}/file: can't keep lives.jsonl there: File exists")

    assert app.ask("/ready").status == 200
    assert app.admin("GET", "status")["lives"] is None


def test_a_full_disk_is_no_reason_to_fail(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "lives.jsonl").touch()
    uncounted = "unset COVERAGE_PROCESS_START COVERAGE_PROCESS_CONFIG"  # nor could those lines be written down
    limited = ("sh", "-c", f'{uncounted}; ulimit -f 0; trap "" XFSZ; exec "$0" "$@"')
    app = Running.start({"STATE_DIR": str(tmp_path)}, under=limited)
    try:
        app.line("serving on")
        assert app.ask("/ready").status == 200
    finally:
        app.end()


def test_hostile_text_is_only_text(serve: Serve, tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>\x1b[31m\nfaked line"
    life = Life(1, "0,0 /webapp-1", began=1.0, exit_code=1, words=hostile, last_fault=hostile, requests=(hostile,))
    (tmp_path / "lives.jsonl").write_bytes(life.encode())
    app = serve(STATE_DIR=str(tmp_path))
    page = app.ask("/", Accept="text/html").body

    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "\nfaked line" not in app.log
    assert former(app)["requests"] == [r"<script>alert(1)</script>\x1b[31m\nfaked line"]


def test_patients_that_share_a_folder_keep_their_own_lives(serve: Serve, tmp_path: Path) -> None:
    """They differ in name or ports; one that differs in nothing isn't the former life while it lives."""
    shared = {"STATE_DIR": str(tmp_path)}
    first, twin, other = serve(**shared), serve(**shared), serve(**shared, POD_NAME="webapp-2")
    for app in (first, twin, other):
        app.line("Life: life 1$")
        app.ask("/hostname")
    first.process.kill()
    first.exit_code()
    again = serve(**shared)

    again.line(f"Life: life 2; the former one lived at least .* {WORD}")
    assert len(again.admin("GET", "status")["lives"]["former"]) == 1
    assert again.process.poll() is twin.process.poll() is other.process.poll() is None


def test_many_that_start_at_once_corrupt_nothing(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "lives.jsonl").write_bytes(b"garbage")
    apps = [serve(STATE_DIR=str(tmp_path), POD_NAME=f"webapp-{number}") for number in range(6)]
    for app in apps:
        app.line("Life: life 1")
    data = (tmp_path / "lives.jsonl").read_bytes()

    assert len(data) == 6 * SLOT
    assert all(f"webapp-{number}" in data.decode() for number in range(6))
    assert sum("SetAside" in app.log for app in apps) == 1


def test_the_node_tells_more_than_can_be_known_from_inside(serve: Serve, tmp_path: Path) -> None:
    told = tmp_path / ".end"
    app = serve(STATE_DIR=str(tmp_path), _CRASHY_END=str(told))
    app.line("serving on")
    app.process.kill()
    app.exit_code()
    told.write_bytes(tell("oom", "was killed for want of memory (OOMKilled, exit code 137)", 137, time.time()))
    for life in (2, 3):
        app = serve(STATE_DIR=str(tmp_path), _CRASHY_END=str(told))
        app.line(f"life {life}; ")
        app.process.kill()
        app.exit_code()
    app = serve(STATE_DIR=str(tmp_path))

    lives = app.admin("GET", "status")["lives"]["former"]
    assert [(life["how"], life["exit_code"]) for life in lives] == [("oom", 137), ("silent", None), ("silent", None)]


@needs_cgroups
def test_an_oom_kill_is_known_where_the_cgroup_is_the_same(serve: Serve, tmp_path: Path) -> None:
    """As where a supervisor within the container starts the patient again: a new container has a new cgroup."""
    limit = {"resources": {"limits": {"memory": "128Mi"}}}
    template = parse_pod_template({"spec": {"containers": [{"name": "app", "image": "crashy-app", **limit}]}}, path="")
    cgroups = Cgroups.find(lambda _: None)
    group = cgroups.begin(Pod("p", "n", "u", "", template), template.containers[0], "lab://c", NEWEST, limited=True)
    assert group is not None
    joined = f'for file in {" ".join(map(str, group.first))}; do echo $$ > $file; done; exec "$0" "$@"'
    apps: list[Running] = []
    try:
        for fault in ("memory to=300Mi", ""):
            environ = {"STATE_DIR": str(tmp_path), "FAULTS": fault}
            apps.append(Running.start(environ, under=("sh", "-c", joined)))
            assert fault == "" or apps[-1].exit_code() == -signal.SIGKILL
        last = former(apps[-1])
    finally:
        for app in apps:
            app.end()
        group.remove()
        for folder in cgroups.paths:
            reaper.remove_group(folder)

    assert last["how"] == "oom"
    assert re.fullmatch(
        r"was killed for want of memory, memory \d+ % of the limit, during memory to=300Mi", last["end"]
    )
    assert 0 < last["memory"] <= 1
