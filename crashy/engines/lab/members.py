"""The processes of a container that runs in the lab: its first one, what came of that, and what has left its session.

Commands that run in the container, as probes do, are none of them, and nor is what they leave behind.
"""

from __future__ import annotations

from crashy.engines.lab import proc

BESIDE = "_CRASHY_BESIDE"
"""A variable in the environment of what runs beside a container's own processes."""


def processes(leader: int, mark: str) -> list[int]:
    """Return those of the container whose first process is `leader`, and whose processes have `mark` (NAME=value).

    None are found where there is no /proc.
    """
    own = proc.children("self")
    orphans = [pid for pid in own or () if pid != leader and _is_of(pid, leader, mark.encode())]
    return [one for pid in (leader, *orphans) for one in _tree(pid)]


def _is_of(pid: int, leader: int, mark: bytes) -> bool:
    """Return whether a process that the lab has adopted is a container's; programs may write over their environment."""
    if (proc.state(pid) or ("Z", 0))[1] == leader:
        return True
    environ = proc.environ(pid)
    return mark in environ and not any(one.startswith(f"{BESIDE}=".encode()) for one in environ)


def _tree(pid: int) -> list[int]:
    """Return a process and those that came of it, but for those that have ended."""
    if (proc.state(pid) or "Z")[0] == "Z":
        return []
    return [pid, *(one for child in proc.children(pid) or () for one in _tree(child))]
