"""The program behind `warden.py`: it outlives the lab by a moment, and ends what the lab has left.

    python -I -S reaper.py MARK [PATH ...]

reads `+GROUP` and `-GROUP` lines (process groups that began and ended) from its standard input until that closes,
which it does however the lab ends. Then it kills those groups and every process whose environment holds MARK
(`NAME=value`; this finds daemons that left their group, on Linux), and removes the paths. Standard library only.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

ROUNDS = 100  # a process may fork while it is being looked for; this many looks, `PAUSE` seconds apart, find the last
PAUSE = 0.02


def kill_group(group: int) -> None:
    """SIGKILL a process group; one that has ended is no error."""
    with suppress(ProcessLookupError, PermissionError):  # macOS answers EPERM for a group of zombies
        os.killpg(group, signal.SIGKILL)


def marked(mark: str) -> list[int]:
    """Return the processes whose environment holds `mark`; none where there is no /proc."""
    wanted = mark.encode()
    found: list[int] = []
    if not Path("/proc/self").exists():  # /proc may be that of another PID namespace, where numbers are others'
        return found
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in entry.read_bytes().split(b"\0"):
                found.append(int(entry.parent.name))
        except OSError:
            continue  # it has ended, or it is not ours
    return found


def sweep(mark: str) -> None:
    """SIGKILL every process whose environment holds `mark`, and those it forks meanwhile."""
    for _ in range(ROUNDS):
        found = marked(mark)
        if not found:
            return
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(PAUSE)


def follow(lines: Iterable[str]) -> set[int]:
    """Read `+GROUP` and `-GROUP` lines to their end and return the groups that are still there."""
    groups: set[int] = set()
    for line in lines:
        change = groups.add if line[0] == "+" else groups.discard
        change(int(line[1:]))
    return groups


def main(mark: str, *paths: str) -> None:
    """Wait for the lab's end, then clean up behind it."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    for group in follow(sys.stdin):
        kill_group(group)
    sweep(mark)
    for path in map(Path, paths):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
