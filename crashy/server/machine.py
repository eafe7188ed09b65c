"""What this process may use: its container's limits, by its cgroups, its own, and what the machine has left.

On cgroup v2 the limits are `memory.max` and `pids.max`, on v1 `memory.limit_in_bytes` and `pids.max`; of nested
groups the lowest counts. A container may see its own group as the root of the hierarchy, or its whole path: both are
looked at.
"""

from __future__ import annotations

import os
import re
import resource
import threading
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_NONE = 1 << 60  # v1 writes the largest number of pages where there is no limit
_KEPT = 0.1
"""The share of the machine's memory, of a limit of processes or of a filesystem that a fault leaves to others."""
_UNKNOWN = 256 << 20
"""The bytes that it may grow to where the machine doesn't say what is available."""


class OwnMachine:
    """What this process may use; `root` is where `proc` and `sys` are found, `state_dir` the folder of its files."""

    def __init__(self, root: Path = Path("/"), state_dir: str = "") -> None:
        self._root = root
        self._state_dir = state_dir

    @property
    def cores(self) -> int:
        """The processors that this process may be scheduled on."""
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    @property
    def memory_limit(self) -> int | None:
        """The lowest memory limit of the cgroups that this process is in."""
        groups = self._groups("memory")
        limits = [self._number(group, name) for group in groups for name in ("memory.max", "memory.limit_in_bytes")]
        return min((limit for limit in limits if limit is not None and limit < _NONE), default=None)

    @property
    def memory_ceiling(self) -> int:
        """What it uses now and what the machine has available, but for a tenth of the machine's memory."""
        sizes = _kibibytes(self._read("proc/meminfo"))
        if "MemAvailable" not in sizes:
            return _UNKNOWN
        return self.own_memory + sizes["MemAvailable"] - int(sizes["MemTotal"] * _KEPT)

    @property
    def own_memory(self) -> int:
        """The anonymous memory of this process, in bytes: what no cache can give back; 0 where it isn't told."""
        return _kibibytes(self._read("proc/self/status")).get("RssAnon", 0)

    @property
    def fds_limit(self) -> int:
        """The file descriptors that this process may have open."""
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0]

    @property
    def threads_limit(self) -> int | None:
        """The lowest limit of processes of the cgroups that this process is in: the kernel counts threads alike."""
        return min((limit for limit, _ in self._pids()), default=None)

    @property
    def threads_ceiling(self) -> int:
        """The threads that it has now and that each limit leaves, but for a tenth of the limit.

        The limits are those of its cgroups, the kernel's (threads-max) and the user's (RLIMIT_NPROC): of the latter two
        all that run on the machine are taken off.
        """
        _, _, running = self._read("proc/loadavg").partition("/")
        everyone = int(running.split()[0]) if running else 0
        most, of_user = self._read("proc/sys/kernel/threads-max").strip(), resource.getrlimit(resource.RLIMIT_NPROC)[0]
        limits = self._pids()
        limits += [(int(most), everyone)] if most.isdecimal() else []
        limits += [(of_user, everyone)] if of_user != resource.RLIM_INFINITY else []
        room = min((int(limit * (1 - _KEPT)) - used for limit, used in limits), default=_NONE)
        return max(0, threading.active_count() + room)

    @property
    def disk_free(self) -> int | None:
        """The bytes that are free in STATE_DIR, or where it will be made; None without one."""
        found = self._filesystem()
        return None if found is None else found.f_bavail * found.f_frsize

    @property
    def disk_ceiling(self) -> int:
        """The bytes that are free in STATE_DIR, but for a tenth of its filesystem."""
        found = self._filesystem()
        return 0 if found is None else (found.f_bavail - int(found.f_blocks * _KEPT)) * found.f_frsize

    def _filesystem(self) -> os.statvfs_result | None:
        if not self._state_dir:
            return None
        folder = Path(self._state_dir).absolute()
        return os.statvfs(next(one for one in (folder, *folder.parents) if one.is_dir()))

    def _pids(self) -> list[tuple[int, int]]:
        """Return the limit of processes of each cgroup that has one, and how many there are."""
        found = []
        for group in self._groups("pids"):
            limit = self._number(group, "pids.max")
            if limit is not None:
                found.append((limit, self._number(group, "pids.current") or 0))
        return found

    def _groups(self, controller: str) -> Iterator[PurePosixPath]:
        """Yield the folders where the cgroups of this process may be, for a controller of v1 and for v2."""
        for line in self._read("proc/self/cgroup").splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                mounts: tuple[str, ...] = ("sys/fs/cgroup", "sys/fs/cgroup/unified")
            elif controller in controllers.split(","):
                mounts = (f"sys/fs/cgroup/{controller}", f"sys/fs/cgroup/{controllers}")
            else:
                continue
            own = PurePosixPath(path.lstrip("/"))
            for mount in mounts:
                for group in (own, *own.parents):
                    yield PurePosixPath(mount, group)

    def _number(self, group: PurePosixPath, name: str) -> int | None:
        """Return the number in a file of a cgroup; None where there is no such file, or no limit."""
        text = self._read(str(group / name)).strip()
        return int(text) if text.isdecimal() else None

    def _read(self, path: str) -> str:
        try:
            return (self._root / path).read_text()
        except (OSError, ValueError):
            return ""


def _kibibytes(text: str) -> dict[str, int]:
    """Return the sizes in a file of /proc, in bytes."""
    return {name: int(number) << 10 for name, number in re.findall(r"(?m)^(\w+):\s+(\d+) kB$", text)}
