"""A `crashy` command as a process of its own; what it writes goes to a file, so that it never waits for a reader."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Generic, TypeVar

from crashy.engines.lab.warden import MARK, Warden
from crashy.errors import BadInput

_T = TypeVar("_T")
_R = TypeVar("_R")

_LOOK = 0.01
"""Seconds between two looks at whether a condition holds."""


class EndedError(RuntimeError):
    """The process has ended where it should not have; the message holds its last words."""


class Child(Generic[_T]):
    """Runs `crashy ARGS`, and never longer than this process lives; `read` is given each line of JSON that it writes.

    Neither a Ctrl-C at the terminal nor the event loop of whoever started it reaches it. Safe to use from any thread.
    """

    def __init__(
        self, *args: str, read: Callable[[str], _T], environ: Mapping[str, str] = os.environ, stdin: bytes = b""
    ) -> None:
        self.command = args[0]
        self._read = read
        self._told: list[_T] = []
        self._words: list[str] = []
        self._place = 0
        self._lock = threading.Lock()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - it is open as long as the process
        self._warden = Warden()
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and package
            [sys.executable, "-P", "-m", "crashy", *args],  # -P: a file of the user's folder is no module of ours
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=self._output,
            env={**environ, MARK: self._warden.id},
            start_new_session=True,
        )
        self._warden.began(self._process.pid)
        assert self._process.stdin  # noqa: S101 - a pipe was asked for
        with suppress(BrokenPipeError), self._process.stdin:  # it has ended: whoever waits for something is told
            self._process.stdin.write(stdin)

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Return its exit code, or minus the signal that ended it; None while it runs."""
        return self._process.poll()

    def told(self) -> list[_T]:
        """Return what it has written until now, oldest first."""
        with self._lock:
            self._read_on()
            return list(self._told)

    def words(self) -> list[str]:
        """Return the lines that are no JSON: its notes and its errors."""
        self.told()
        return list(self._words)

    def _read_on(self) -> None:
        if self._output.closed:
            return
        # pread: the offset of the file is the child's too.
        data = os.pread(self._output.fileno(), os.fstat(self._output.fileno()).st_size - self._place, self._place)
        whole = data[: data.rfind(b"\n") + 1]
        self._place += len(whole)
        for line in whole.decode("utf-8", "replace").splitlines():
            if line.startswith("{"):
                self._told.append(self._read(line))
            else:
                self._words.append(line)

    def wait(self, condition: Callable[[], _R | None], seconds: float, timed_out: Callable[[], str]) -> _R:
        """Wait until a condition gives something true and return that.

        Raises TimeoutError with what `timed_out` says, EndedError where the process ends before, and BadInput where it
        ends because of what it was given.
        """
        end = time.monotonic() + seconds
        while True:
            ended = self.exit_code is not None  # before the last look: what it wrote before its end counts
            if found := condition():
                return found
            if ended:
                raise self.ended()
            if time.monotonic() > end:
                raise TimeoutError(timed_out())
            time.sleep(_LOOK)

    def ended(self) -> BadInput | EndedError:
        """Return the error that says why it has ended."""
        self.told()
        prefix = f"crashy {self.command}: "
        if self.exit_code == 2:
            lines = [line.removeprefix(prefix) for line in self._words if line.startswith(prefix)]
            return BadInput(*(line for line in lines if not line.startswith("note: ")))
        words = "\n".join(["", *self._words[-20:]])
        return EndedError(f"crashy {self.command} has ended, exit code {self.exit_code}{words}")

    def join(self) -> int:
        """Wait for its end, however long that takes, and return its exit code."""
        return self._process.wait()

    def close(self, grace: float = 0.0) -> None:
        """End it and all that it has started: by SIGTERM if it has `grace` seconds for that, then by SIGKILL."""
        if self._output.closed:
            return
        if grace and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(grace)
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._warden.close()
        with self._lock:
            self._read_on()
            self._output.close()
