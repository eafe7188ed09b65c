"""A helper process that ends what the lab has started if the lab itself is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from contextlib import suppress
from pathlib import Path
from weakref import WeakSet

from crashy.engines.lab import reaper

MARK = "_CRASHY_LAB"  # a variable in the environment of every process of a lab (the patient asks about any CRASHY_*)

_OPEN: WeakSet[Warden] = WeakSet()


class Warden:
    """Holds a pipe to a process in a session of its own, which cleans up when the pipe closes: see `reaper.py`.

    `paths` (files or folders) are removed then too. The pipe closes when the lab closes it or dies of anything,
    though a fork of the lab's process live on.
    """

    def __init__(self, *paths: Path) -> None:
        self.id = uuid.uuid4().hex[:12]
        self._helper = subprocess.Popen(  # noqa: S603 - our own interpreter and file
            [sys.executable, "-I", "-S", reaper.__file__, self.mark, *map(str, paths)],
            stdin=subprocess.PIPE,
            bufsize=0,  # so that a fork can close it whatever another thread was writing
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={},
            start_new_session=True,
        )
        _OPEN.add(self)

    @property
    def mark(self) -> str:
        """Return what the environment of each process must hold: `_CRASHY_LAB=<id>`."""
        return f"{MARK}={self.id}"

    def began(self, group: int) -> None:
        """Note a process group that must not outlive the lab."""
        self._send(f"+{group}\n")

    def ended(self, group: int) -> None:
        """Forget a process group: its number may soon be another's."""
        self._send(f"-{group}\n")

    def _send(self, line: str) -> None:
        assert self._helper.stdin  # noqa: S101 - a pipe was requested
        with suppress(BrokenPipeError):  # someone killed the helper; what the lab ends by itself it ends all the same
            self._helper.stdin.write(line.encode())

    def close(self) -> None:
        """Let the helper clean up, and wait for it: a fraction of a second, 5 at most."""
        assert self._helper.stdin  # noqa: S101 - a pipe was requested
        with suppress(BrokenPipeError):
            self._helper.stdin.close()
        self._helper.wait(timeout=5)

    def let_go(self) -> None:
        """Close the pipe in a fork of the lab's process, which would keep alive what the lab has started."""
        assert self._helper.stdin  # noqa: S101 - a pipe was requested
        self._helper.stdin.close()


def _forked() -> None:
    for warden in _OPEN:
        warden.let_go()


os.register_at_fork(after_in_child=_forked)
