"""A `crashy` command as a child process; it writes to a file, so that it never waits for a reader."""

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
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Generic, TypeVar

from crashy.engines.lab.warden import MARK, Warden
from crashy.errors import BadInput

_T = TypeVar("_T")
_R = TypeVar("_R")

MOST = 100_000  # records that are kept, the last ones
_MOST_MESSAGES = 1000  # lines other than JSON that are kept
_CHUNK = 1 << 20  # bytes of one read
_POLL = 0.01  # seconds between two checks of a condition


def last(lines: Sequence[str], most: int) -> str:
    """Return the last lines, at most `most`, and how many came before."""
    left = len(lines) - most
    return "\n".join([f"({left} earlier ones)", *lines[left:]] if left > 0 else lines or ["none"])


class EndedError(RuntimeError):
    """The process ended unexpectedly; the message holds its last lines."""


class Child(Generic[_T]):
    """Runs `crashy ARGS`, at most as long as this process lives.

    `read` turns each line of JSON that it writes into a record that is kept, or into None. It is independent of the
    terminal's Ctrl-C and of the caller's event loop. Safe to use from any thread.
    """

    def __init__(
        self, *args: str, read: Callable[[str], _T | None], environ: Mapping[str, str] = os.environ, stdin: bytes = b""
    ) -> None:
        self.command = args[0]
        self._read = read
        self._records: deque[_T] = deque(maxlen=MOST)
        self._count = 0
        self._messages: deque[str] = deque(maxlen=_MOST_MESSAGES)
        self._place = 0
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        self._warden = Warden()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and package
                [sys.executable, "-P", "-m", "crashy", *args],  # -P: no module from the user's folder
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
        assert self._process.stdin  # noqa: S101 - it is a pipe
        with suppress(BrokenPipeError), self._process.stdin:  # it has ended: `wait` reports that
            self._process.stdin.write(stdin)

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Return its exit code, or minus the signal that ended it; None while it runs."""
        return self._process.poll()

    def poll(self) -> int:
        """Read what it has written until now, and return the number of all records."""
        with self._lock:
            self._read_on()
            return self._count

    def after(self, place: int) -> tuple[list[_T], int]:
        """Return the kept records after the first `place`, oldest first, and the number of all records."""
        with self._lock:
            self._read_on()
            dropped = self._count - len(self._records)
            return list(islice(self._records, max(0, place - dropped), None)), self._count

    def records(self) -> list[_T]:
        """Return the kept records, oldest first."""
        return self.after(0)[0]

    def forget(self) -> None:
        """Drop all records until now, in memory and on disk."""
        with self._lock:
            self._read_on()
            self._records.clear()
            if not self._output.closed and os.fstat(self._output.fileno()).st_size == self._place:
                os.ftruncate(self._output.fileno(), 0)  # it writes on at its offset: the file has a hole before that

    def _read_on(self) -> None:
        most = _CHUNK
        while not self._output.closed:
            # pread: the file's offset is shared with the child.
            data = os.pread(self._output.fileno(), most, self._place)
            whole = data[: data.rfind(b"\n") + 1]
            if not whole and len(data) < most:
                return
            most = _CHUNK if whole else 2 * most
            self._place += len(whole)
            for line in whole.lstrip(b"\0").decode("utf-8", "replace").split("\n")[:-1]:
                if not line.startswith("{"):
                    self._messages.append(line)
                elif (record := self._read(line)) is not None:
                    self._records.append(record)
                    self._count += 1

    def messages(self) -> list[str]:
        """Return its last lines other than JSON: notes and errors."""
        self.poll()
        return list(self._messages)

    def wait(self, condition: Callable[[], _R | None], seconds: float, timed_out: Callable[[], str]) -> _R:
        """Wait until a condition returns something true and return that.

        Raises TimeoutError with the text of `timed_out`; EndedError if the process ends first; BadInput if it ends
        with exit code 2.
        """
        end = time.monotonic() + seconds
        while True:
            ended = self.exit_code is not None  # before the last poll: what it wrote before its end counts
            if found := condition():
                return found
            if ended:
                raise self.ended()
            if time.monotonic() > end:
                raise TimeoutError(timed_out())
            time.sleep(_POLL)

    def ended(self) -> BadInput | EndedError:
        """Return the error that says why it has ended."""
        messages = self.messages()
        prefix = f"crashy {self.command}: "
        if self.exit_code == 2:
            lines = [line.removeprefix(prefix) for line in messages if line.startswith(prefix)]
            return BadInput(*(line for line in lines if not line.startswith("note: ")))
        tail = "\n".join(["", *messages[-20:]])
        return EndedError(f"crashy {self.command} has ended, exit code {self.exit_code}{tail}")

    def join(self) -> int:
        """Wait without a limit for its end and return its exit code."""
        return self._process.wait()

    def close(self, grace: float = 0.0) -> None:
        """End it and its processes: SIGTERM if `grace` is above 0 seconds, then SIGKILL. A fork ends nothing."""
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
