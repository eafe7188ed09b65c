"""Processes in Linux's /proc; without it the lab does less, as `MISSING` says."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

MISSING = (
    "this machine has no /proc: SIGTERM ends programs that have no handler for it, a process that left its container's "
    "process group outlives it, zombies are not counted (docs/lab.md)"
)


def there() -> bool:
    """Return whether this system's /proc knows this process: it may be missing, or be that of another PID namespace."""
    return Path("/proc/self/status").exists()


def children(pid: int | str) -> list[int] | None:
    """Return the children of a process, or of `self`; None where that can't be known."""
    found = None
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # that thread has just ended
            found = [*(found or ()), *map(int, task.read_text().split())]
    return found


def state(pid: int) -> tuple[str, int] | None:
    """Return a process's state (`Z` is a zombie) and its session; None if it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # What stands before the last bracket, the program's name, may hold anything.
    letter, _parent, _group, session = stat.rpartition(")")[2].split()[:4]
    return letter, int(session)


def began(pid: int) -> int | None:
    """Return when a process began, in ticks since the machine's start; None if it has ended, or can't be known."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[19])


def program(pid: int) -> str:
    """Return the path of the program that a process runs, a script's interpreter; empty where that can't be known."""
    try:
        return str(Path(f"/proc/{pid}/exe").readlink())
    except OSError:
        return ""


def environ(pid: int) -> list[bytes]:
    """Return the variables that a process began with (NAME=value); none if it has ended, or where it isn't told."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def arguments(pid: int) -> list[bytes]:
    """Return a process's arguments; none if it has ended, or where they can't be known."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def handles(pid: int, signum: int) -> bool:
    """Return whether a process has a handler for a signal (the mask SigCgt); yes where that can't be known."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return not there()
    mask = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), "0")
    return bool(int(mask, 16) >> (signum - 1) & 1)
