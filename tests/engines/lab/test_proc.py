"""What /proc tells of processes, and what is taken for granted where there is none."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from crashy.engines.lab import proc
from tests.elsewhere import Elsewhere, needs_proc, why_not

WITHOUT = """
import os, signal
from crashy.engines.lab import proc, reaper
me = os.getpid()
print(proc.there(), proc.children("self"), proc.state(me), [proc.program(me)])
print(proc.handles(me, signal.SIGTERM), reaper.marked("A=1"))
"""


@needs_proc
def test_a_child_is_found_with_its_state_session_and_program() -> None:
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        assert proc.there()
        assert child.pid in (proc.children("self") or ())
        assert proc.state(child.pid) in {("S", child.pid), ("R", child.pid)}
        assert Path(proc.program(child.pid)).resolve() == Path(shutil.which("sleep") or "").resolve()
        assert not proc.handles(child.pid, signal.SIGTERM)
    finally:
        child.kill()
        child.wait()

    assert proc.state(child.pid) is None
    assert not proc.handles(child.pid, signal.SIGTERM)


@needs_proc
def test_a_handler_is_seen() -> None:
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        assert proc.handles(os.getpid(), signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert not proc.handles(os.getpid(), signal.SIGUSR1)


def test_without_it_nothing_is_known_and_every_signal_counts_as_handled() -> None:
    if reason := why_not():
        pytest.skip(reason)
    there = Elsewhere(proc=False).within()
    done = subprocess.run([*there, sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True)

    assert done.stdout == "False None None ['']\nTrue []\n"
