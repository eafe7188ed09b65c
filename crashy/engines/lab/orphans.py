"""Adopts what a container's commands leave behind, as PID 1 of the container does, and counts what that one wouldn't.

A process whose parent has ended becomes a child of its nearest ancestor that is a *subreaper*, else of init. Here the
lab is that ancestor (on Linux): it waits for every orphan, so that this machine keeps none, and counts those that a
container's first process would have kept as zombies because it doesn't wait for them. Inside a container the nearest
one may also be a `tini -s` that runs a probe's command: then no orphan comes this far.

An orphan is known by its session: the lab starts each container's process, and each command in it, in one of its own.
"""

from __future__ import annotations

import ctypes
import os
from collections import Counter
from contextlib import suppress

from crashy.engines.lab import proc
from crashy.objects import reaping

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of linux/prctl.h
_REMEMBERED = 10_000  # sessions


class Orphans:
    """Counts, by container, the orphans that have ended and that its first process would not have waited for."""

    def __init__(self) -> None:
        self._sessions: dict[int, str] = {}
        self._neglected: Counter[int] = Counter()  # by session: an orphan may end before its session is noted
        self._waits: set[str] = set()
        _adopt(True)

    def began(self, session: int, container_id: str) -> None:
        """Note a process of a container that leads a session."""
        self._sessions[session] = container_id
        if len(self._sessions) > _REMEMBERED:
            self._drop(next(iter(self._sessions)))

    def waits(self, container_id: str) -> None:
        """Note that the first process of a container waits for the orphans in it."""
        self._waits.add(container_id)

    def look(self) -> None:
        """Wait for every orphan that has ended."""
        for pid in proc.children("self") or ():
            match proc.state(pid):
                case ("Z", session) if (
                    session != pid
                ):  # the lab's own children lead their sessions: others wait for them
                    self._bury(pid, session)

    def _bury(self, pid: int, session: int) -> None:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
            self._neglected[session] += 1
            if len(self._neglected) > _REMEMBERED:
                del self._neglected[next(iter(self._neglected))]

    def count(self, container_id: str) -> int:
        """Return how many a container's first process would have kept until now."""
        if container_id in self._waits:
            return 0
        return sum(self._neglected[session] for session, owner in self._sessions.items() if owner == container_id)

    def forget(self, container_id: str) -> None:
        """Forget a container that has ended: its zombies went with its first process."""
        self._waits.discard(container_id)
        for session in [s for s, owner in self._sessions.items() if owner == container_id]:
            self._drop(session)

    def _drop(self, session: int) -> None:
        del self._sessions[session]
        self._neglected.pop(session, None)

    def close(self) -> None:
        """Adopt no more."""
        self.look()
        _adopt(False)


def is_init(pid: int) -> bool:
    """Return whether a process waits for orphans, judged by its program: an init, or a shell."""
    return reaping.waits(proc.program(pid))


def _adopt(yes: bool) -> None:
    """Become the parent of the orphans among one's descendants, if they can be found again, or leave them to init."""
    if proc.children("self") is not None:
        ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, int(yes), 0, 0, 0)
