"""Nothing is left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from crashy.engines.lab import reaper
from crashy.engines.lab.warden import Warden
from tests.elsewhere import needs_proc

DEADLINE = 20.0


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_groups_that_ended_are_forgotten() -> None:
    assert reaper.follow(["+10\n", "+11\n", "-10\n", "+12\n", "-99\n"]) == {11, 12}


def test_closing_ends_the_groups_and_removes_the_paths(tmp_path: Path) -> None:
    folder, file = tmp_path / "folder", tmp_path / "file"
    (folder / "below").mkdir(parents=True)
    file.touch()
    warden = Warden(folder, file, tmp_path / "missing")
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    warden.began(process.pid)
    warden.close()

    assert process.wait(DEADLINE) == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []


def test_a_group_that_ended_is_left_alone() -> None:
    warden = Warden()
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    warden.began(process.pid)
    warden.ended(process.pid)
    warden.close()

    assert process.poll() is None
    process.kill()
    process.wait()


@needs_proc
def test_daemons_that_left_their_group_are_found_by_their_environment() -> None:
    warden = Warden()
    name, value = warden.mark.split("=")
    process = subprocess.Popen(["sleep", "60"], start_new_session=True, env={**os.environ, name: value})
    eventually(lambda: reaper.marked(warden.mark) == [process.pid])
    warden.close()

    assert process.wait(DEADLINE) == -signal.SIGKILL
    assert reaper.marked(warden.mark) == []


@needs_proc
def test_a_sweep_kills_what_is_marked_and_nothing_else() -> None:
    marked = subprocess.Popen(["sleep", "60"], env={**os.environ, "_TEST_MARK": "sweep"})
    other = subprocess.Popen(["sleep", "60"], env={**os.environ, "_TEST_MARK": "sweeper"})
    eventually(lambda: len(reaper.marked("_TEST_MARK=sweep")) == 1)
    reaper.sweep("_TEST_MARK=sweep")

    assert marked.wait(DEADLINE) == -signal.SIGKILL
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_killed_owner_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    code = (
        "import subprocess, sys, time; from pathlib import Path; from crashy.engines.lab.warden import Warden; "
        f"w = Warden(Path({str(folder)!r})); p = subprocess.Popen(['sleep', '60'], start_new_session=True); "
        "w.began(p.pid); print(p.pid, flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert owner.stdout
    group = int(owner.stdout.readline())
    owner.kill()
    owner.wait()
    owner.stdout.close()

    def ended() -> bool:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        return False

    eventually(lambda: ended() and not folder.exists())


def test_a_dead_helper_is_no_error(tmp_path: Path) -> None:
    warden = Warden()
    warden._helper.kill()
    warden._helper.wait()
    warden.began(2**22 + 1)
    warden.ended(2**22 + 1)
    warden.close()
