"""The program behind `warden.py`: it outlives the lab by a moment, and ends what the lab has left.

    python -I -S reaper.py MARK [PATH ...]

reads `+GROUP` and `-GROUP` lines (process groups that began and ended) from its standard input until that closes,
which it does however the lab ends. Then it kills those groups and every process whose environment holds MARK
(`NAME=value`; this finds daemons that left their group, on Linux), and removes the paths: files, folders, and control
groups with what runs in them. Standard library only.
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
THAWED = (("freezer.state", "THAWED"), ("cgroup.freeze", "0"))  # of cgroup v1, and of v2
LEAF = "lab"  # where the lab itself is, below its own group of cgroup v2: it and its helpers are not to be killed


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


def thaw(group: Path) -> None:
    """Let a control group and those below it go on: SIGKILL ends nothing that is frozen by cgroup v1."""
    for folder in below(group):
        for file, word in THAWED:
            if (folder / file).exists():
                with suppress(OSError):  # the top of the hierarchy, or just removed
                    (folder / file).write_text(word)


def remove_group(group: Path) -> None:
    """Kill what runs in a control group and below it, and remove them all; what is in its `LEAF` moves out."""
    thaw(group)
    for _ in range(ROUNDS):
        for folder in below(group):
            if folder == group / LEAF:
                move_out(folder)
            else:
                for pid in members(folder):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            with suppress(OSError):  # something is dying in it, or below
                folder.rmdir()
        if not group.exists():
            return
        time.sleep(PAUSE)


def below(group: Path) -> list[Path]:
    """Return a control group and those below it, the lowest ones first; none of those that go meanwhile."""
    return [Path(folder) for folder, _, _ in os.walk(group, topdown=False)]


def members(group: Path) -> list[int]:
    """Return the processes in a control group; none if it is gone, and not those of other PID namespaces."""
    try:
        return [int(line) for line in (group / "cgroup.procs").read_text().split() if line != "0"]
    except OSError:
        return []


def move_out(leaf: Path) -> None:
    """Move processes from the leaf of a lab's group to the group above the lab's."""
    group, above = leaf.parent, leaf.parent.parent
    for pid in members(leaf):
        try:
            (above / "cgroup.procs").write_text(str(pid))
        except OSError:  # cgroup v2 has no processes in a group that hands controllers on, for which the lab had moved
            for folder in (group, above):
                with suppress(OSError):  # another lab still needs them
                    (folder / "cgroup.subtree_control").write_text("-memory -cpu")


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
    groups = [path for path in map(Path, paths) if (path / "cgroup.procs").exists()]
    for path in groups:
        thaw(path)
    sweep(mark)
    for path in map(Path, paths):
        if path in groups:
            remove_group(path)
        elif path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
