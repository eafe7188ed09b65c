"""What this process may use of memory and processors: its container's limit, by its cgroup, and the machine's rest.

On cgroup v2 the limit is `memory.max`, on v1 `memory.limit_in_bytes`; of nested groups the lowest counts. A container
may see its own group as the root of the hierarchy, or its whole path: both are looked at.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_NONE = 1 << 60  # v1 writes the largest number of pages where there is no limit
_KEPT = 0.1
"""The share of the machine's memory that a fault leaves to others."""
_UNKNOWN = 256 << 20
"""The bytes that it may grow to where the machine doesn't say what is available."""


class OwnMachine:
    """What this process may use; `root` is where `proc` and `sys` are found."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root

    @property
    def cores(self) -> int:
        """The processors that this process may be scheduled on."""
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    @property
    def memory_limit(self) -> int | None:
        """The lowest memory limit of the cgroups that this process is in."""
        limits = [int(text) for path in self._limit_files() if (text := self._read(path).strip()).isdecimal()]
        return min((limit for limit in limits if limit < _NONE), default=None)

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

    def _limit_files(self) -> Iterator[str]:
        for line in self._read("proc/self/cgroup").splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                mounts, name = ("sys/fs/cgroup", "sys/fs/cgroup/unified"), "memory.max"
            elif "memory" in controllers.split(","):
                mounts, name = ("sys/fs/cgroup/memory", f"sys/fs/cgroup/{controllers}"), "memory.limit_in_bytes"
            else:
                continue
            own = PurePosixPath(path.lstrip("/"))
            for mount in mounts:
                for group in (own, *own.parents):
                    yield str(PurePosixPath(mount, group, name))

    def _read(self, path: str) -> str:
        try:
            return (self._root / path).read_text()
        except (OSError, ValueError):
            return ""


def _kibibytes(text: str) -> dict[str, int]:
    """Return the sizes in a file of /proc, in bytes."""
    return {name: int(number) << 10 for name, number in re.findall(r"(?m)^(\w+):\s+(\d+) kB$", text)}
