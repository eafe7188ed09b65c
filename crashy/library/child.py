"""A `crashy` command as a process of its own; what it writes goes to a file, so that it never waits for a reader."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import islice
from typing import Generic, TypeVar

from crashy.engines.lab.warden import MARK, Warden
from crashy.errors import BadInput

_T = TypeVar("_T")
_R = TypeVar("_R")

MOST = 100_000
"""How many of the things that it has told are kept, the last ones."""
_MOST_WORDS = 1000
"""How many of its other lines are."""
_CHUNK = 1 << 20
"""Bytes that are read at once."""
_LOOK = 0.01
"""Seconds between two looks at whether a condition holds."""


class EndedError(RuntimeError):
    """The process has ended where it should not have; the message holds its last words."""


class Child(Generic[_T]):
    """Runs `crashy ARGS`, and never longer than this process lives.

    `read` is given each line of JSON that it writes, once and in turn; what it returns is kept, but for None.
    Neither a Ctrl-C at the terminal nor the event loop of whoever started it reaches it. Safe to use from any thread.
    """

    def __init__(
        self, *args: str, read: Callable[[str], _T | None], environ: Mapping[str, str] = os.environ, stdin: bytes = b""
    ) -> None:
        self.command = args[0]
        self._read = read
        self._events: deque[_T] = deque(maxlen=MOST)
        self._count = 0
        self._words: deque[str] = deque(maxlen=_MOST_WORDS)
        self._place = 0
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - it is open as long as the process
        self._warden = Warden()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and package
                [sys.executable, "-P", "-m", "crashy", *args],  # -P: a file of the user's folder is no module of ours
                stdin=subprocess.PIPE,
                stdout=self._output,
                stderr=self._output,
                env={**environ, MARK: self._warden.id},
                start_new_session=True,
            )
        except BaseException:
            self._warden.close()
            self._output.close()
            raise
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

    def look(self) -> int:
        """Read what it has written until now, and return how much it has told in all."""
        with self._lock:
            self._read_on()
            return self._count

    def after(self, place: int) -> tuple[list[_T], int]:
        """Return what is kept of what it told after the first `place` things, oldest first, and how many are told."""
        with self._lock:
            self._read_on()
            dropped = self._count - len(self._events)
            return list(islice(self._events, max(0, place - dropped), None)), self._count

    def told(self) -> list[_T]:
        """Return what is kept of what it has told until now, oldest first."""
        return self.after(0)[0]

    def forget(self) -> None:
        """Keep nothing of what it has told until now, neither in memory nor on the disk."""
        with self._lock:
            self._read_on()
            self._events.clear()
            if not self._output.closed and os.fstat(self._output.fileno()).st_size == self._place:
                os.ftruncate(self._output.fileno(), 0)  # it writes on where it was: the file has a hole before that

    def _read_on(self) -> None:
        most = _CHUNK
        while not self._output.closed:
            # pread: the offset of the file is the child's too.
            data = os.pread(self._output.fileno(), most, self._place)
            whole = data[: data.rfind(b"\n") + 1]
            if not whole and len(data) < most:
                return
            most = _CHUNK if whole else 2 * most
            self._place += len(whole)
            for line in whole.lstrip(b"\0").decode("utf-8", "replace").split("\n")[:-1]:
                self._hear(line)

    def _hear(self, line: str) -> None:
        if not line.startswith("{"):
            self._words.append(line)
        elif (told := self._read(line)) is not None:
            self._events.append(told)
            self._count += 1

    def words(self) -> list[str]:
        """Return the last of the lines that are no JSON: its notes and its errors."""
        self.look()
        return list(self._words)

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
        words = self.words()
        prefix = f"crashy {self.command}: "
        if self.exit_code == 2:
            lines = [line.removeprefix(prefix) for line in words if line.startswith(prefix)]
            return BadInput(*(line for line in lines if not line.startswith("note: ")))
        told = "\n".join(["", *words[-20:]])
        return EndedError(f"crashy {self.command} has ended, exit code {self.exit_code}{told}")

    def join(self) -> int:
        """Wait for its end, however long that takes, and return its exit code."""
        return self._process.wait()

    def close(self, grace: float = 0.0) -> None:
        """End it and all that it has started: by SIGTERM if it has `grace` seconds for that, then by SIGKILL.

        A fork of whoever started it ends nothing.
        """
        if self._output.closed or os.getpid() != self._owner:
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

    def __del__(self) -> None:
        if not hasattr(self, "_process") or self._output.closed or os.getpid() != self._owner:
            return
        try:
            text = f"crashy {self.command}, process {self.pid}, was never closed: use `with`, or close()"
            warnings.warn(text, ResourceWarning, source=self, stacklevel=2)
        finally:
            self.close()
