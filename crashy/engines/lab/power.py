"""Switches the lab's machine off and on again, as far as processes can tell.

Off, every process is stopped (SIGSTOP): connections come about or don't, and nothing answers. On again, all have ended.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from crashy.engines.lab.reaper import marked
from crashy.kubelet.runtime import LOST_EXIT_CODE, LOST_REASON, Exited


class Power:
    """The power of the machine; `mark` is what the environment of every process on it holds."""

    def __init__(self, mark: str) -> None:
        self._mark = mark
        self._off: set[str] = set()

    def off(self, containers: Iterable[str], groups: Iterable[int]) -> None:
        """Switch it off; `containers` are the ids of what is on it, `groups` their process groups."""
        self._off = set(containers)
        for group in groups:
            with suppress(ProcessLookupError, PermissionError):  # macOS answers EPERM for a group of zombies
                os.killpg(group, signal.SIGSTOP)
        for pid in marked(self._mark):  # what has left its group, on Linux
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def on(self) -> set[str]:
        """Switch it on; return what was on it when it went off, which the caller ends."""
        return self._off

    def reporting(self, on_exit: Callable[[Exited], None]) -> Callable[[Exited], None]:
        """Return `on_exit` for a container: if it has ended with the machine, as containerd tells of that."""

        def report(exited: Exited) -> None:
            lost = exited.container_id in self._off
            on_exit(replace(exited, exit_code=LOST_EXIT_CODE, reason=LOST_REASON) if lost else exited)

        return report
