"""A lab on a terminal, steered by keys."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.commands.labs import DEADLINE
from tests.commands.test_lab_watch import SLEEP, deployment
from tests.engines.lab.outside.labs import app

ON_THIS_TERMINAL = (
    "import fcntl, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "from crashy.cli import main; sys.exit(main(sys.argv[1:]))"
)


class Terminal:
    """A terminal, 150 wide and 50 high, and the lab that runs on it."""

    def __init__(self, *args: str) -> None:
        self._ours, self._theirs = pty.openpty()
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 150, 0, 0))
        self._before = termios.tcgetattr(self._theirs)
        self._seen = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", ON_THIS_TERMINAL, "lab", *args],
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "150", "LINES": "50"},
            start_new_session=True,
        )
        os.set_blocking(self._ours, False)

    def shows(self, pattern: str) -> str:
        """Wait until it shows that; what was shown before does not count the next time."""
        end = time.monotonic() + DEADLINE
        while not (found := re.search(pattern, self._seen)):
            assert time.monotonic() < end, self._seen[-3000:]
            self._read()
        self._seen = ""
        return found[found.lastindex or 0]

    def _read(self) -> None:
        try:
            self._seen += re.sub(r"\x1b\[[\d;?]*[A-Za-ln-z]", "", os.read(self._ours, 65536).decode(errors="replace"))
        except BlockingIOError:
            time.sleep(0.02)

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    @property
    def restored(self) -> bool:
        return termios.tcgetattr(self._theirs) == self._before

    def ended(self) -> int:
        """Wait for the end and return the exit code."""
        end = time.monotonic() + DEADLINE
        while self.process.poll() is None:
            assert time.monotonic() < end, self._seen[-3000:]
            self._read()
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.ended()
        os.close(self._ours)
        os.close(self._theirs)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    made: list[Terminal] = []

    def make(*args: str) -> Terminal:
        made.append(Terminal(*args))
        return made[-1]

    yield make
    for one in made:
        one.close()


def written(folder: Path, *objects: object) -> str:
    path = folder / "app.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    return str(path)


SELECTED = r"\x1b\[7m([\w-]+)"  # in reverse


def test_keys_select_delete_and_scale(tmp_path: Path, terminal: Callable[..., Terminal]) -> None:
    lab = terminal(written(tmp_path, deployment(replicas=2)))
    lab.shows(r"(?s)1/1.*1/1.*j/k select")
    first = lab.shows(SELECTED)
    lab.press("j")
    second = lab.shows(rf"\x1b\[7m((?!{first})[\w-]+)")
    lab.press("\x1b[A")
    lab.shows(rf"\x1b\[7m{first}")
    lab.press("j")
    lab.shows(rf"\x1b\[7m{second}")
    lab.press("d")
    lab.shows(rf"Killing.*pod/{second}")
    lab.press("+")
    lab.shows("Scaled up replica set .* from 2 to 3")
    lab.press("?")
    lab.shows("take back all of its faults")
    assert not lab.restored
    lab.press("q")
    assert lab.ended() == 0
    assert lab.restored


@pytest.mark.parametrize("container", [{"name": "app", "image": "crashy-app:1"}, app()], ids=["patient", "program"])
def test_keys_make_a_pod_ill_and_well(
    container: dict[str, object], tmp_path: Path, terminal: Callable[..., Terminal]
) -> None:
    probe = {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1}
    spec = {"terminationGracePeriodSeconds": 1, "containers": [{**container, "readinessProbe": probe}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec}
    lab = terminal(written(tmp_path, pod))
    lab.shows("web .*1/1")
    lab.press("f")
    lab.shows("Injected .*pod/web .*freeze")
    lab.shows("web .*0/1")
    lab.press("r")
    lab.shows("Recovered .*pod/web")
    lab.shows("web .*1/1")
    lab.press("c")
    lab.shows(r"web .*1 \(\d+s ago\)")
    lab.press("+")
    lab.shows("web belongs to no workload that can be scaled")
    lab.press("q")
    assert lab.ended() == 0


@pytest.mark.parametrize("impatient", [False, True])
def test_however_it_ends_the_terminal_is_as_before(
    tmp_path: Path, terminal: Callable[..., Terminal], impatient: bool
) -> None:
    stubborn = {**SLEEP, "command": ["sh", "-c", "trap : TERM; while :; do sleep 1; done"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [stubborn]}}
    lab = terminal(written(tmp_path, pod))
    lab.shows("web .*1/1")
    assert not lab.restored
    lab.process.send_signal(signal.SIGINT)
    while impatient and lab.process.poll() is None:
        lab.process.send_signal(signal.SIGINT)
        time.sleep(0.01)
    assert lab.ended() == (130 if impatient else 0)
    assert lab.restored


def test_without_a_keyboard_there_is_no_footer(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "crashy", "lab", written(tmp_path, deployment()), "--for", "2s"],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "150", "LINES": "50"},
    )
    os.close(theirs)
    screen = b""
    try:
        while chunk := os.read(ours, 65536):
            screen += chunk
    except OSError:
        pass  # the other side has closed
    os.close(ours)

    assert running.wait(DEADLINE) == 0
    assert b"RESTARTS" in screen
    assert b"j/k select" not in screen
