"""A container's termination message: the file that it may write, and what the kubelet reads of it at its end.

kubelet: pkg/kubelet/kuberuntime/kuberuntime_container.go makeMounts, getTerminationMessage; the numbers are those of
pkg/kubelet/container/runtime.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from os import SEEK_END
from pathlib import Path

from crashy.objects.pod import Container
from crashy.patient import TERMINATION_MESSAGE_BYTES, TERMINATION_MESSAGE_PATH

MOST_OF_LOG = 2048
"""Bytes of a log that are read, from its end."""
LINES = 80
"""Lines of a log that are read."""


class TerminationMessage:
    """The message of one container of a pod, whose private folder is `root`.

    Only what is written to its `terminationMessagePath` is read: elsewhere `/dev/termination-log` is any file.
    """

    def __init__(self, root: Path, container: Container) -> None:
        folder = root / "termination" / container.name
        path = container.termination_message_path
        self._policy = container.termination_message_policy
        self._path = path if path.startswith("/") else f"/{path}"
        self._file = folder / "message"
        self.files = {TERMINATION_MESSAGE_PATH: folder / "unread", self._path: self._file}
        """This machine's files for the container's paths."""

    def begin(self) -> None:
        """Make the empty file for a life that is about to start: each has its own."""
        for file in self.files.values():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.unlink(missing_ok=True)
        self._file.touch()

    def read(self, exit_code: int, log: Iterable[str]) -> str:
        """Return what the kubelet takes as the message of a life that has ended; `log` are its last lines."""
        try:
            with self._file.open("rb") as file:
                file.seek(max(0, file.seek(0, SEEK_END) - TERMINATION_MESSAGE_BYTES))
                data = file.read(TERMINATION_MESSAGE_BYTES)
        except FileNotFoundError:
            data = b""
        except OSError as error:
            return f"Error on reading termination log {self._path}: {error.strerror}"
        if not data and exit_code and self._policy == "FallbackToLogsOnError":
            data = "".join(f"{line}\n" for line in [*log][-LINES:]).encode()[-MOST_OF_LOG:]
        return data.decode("utf-8", "replace")
