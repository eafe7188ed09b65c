"""What a container of the lab may use, which faults from outside are checked against."""

from __future__ import annotations

import os
import re
from pathlib import Path

from crashy.engines.lab.started import Running

_KEPT = 0.1  # of the machine's memory, which faults leave to others
_UNKNOWN = 256 << 20  # bytes, where the machine doesn't say what is available


class ContainerMachine:
    """The machine, and the limits of a container that runs on it; disk, threads and descriptors are its own affair."""

    fds_limit = 0
    threads_limit = None
    threads_ceiling = 0
    disk_free = None
    disk_ceiling = 0

    def __init__(self, memory_limit: int | None, memory: int = 0) -> None:
        self.memory_limit = memory_limit
        """In bytes, where one is enforced."""
        self._memory = memory

    @classmethod
    def of(cls, life: Running | None) -> ContainerMachine:
        """Return that of a container that runs, or doesn't."""
        usage = life.usage() if life else None
        return cls(life.memory_limit if life else None, usage.memory if usage else 0)

    @property
    def cores(self) -> int:
        """The processors that this process may use, and so its containers."""
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    @property
    def memory_ceiling(self) -> int:
        """What the container uses and what the machine has available, but for a tenth of the machine's memory."""
        try:
            text = Path("/proc/meminfo").read_text()
        except OSError:
            text = ""
        sizes = {name: int(number) << 10 for name, number in re.findall(r"(?m)^(\w+):\s+(\d+) kB$", text)}
        if "MemAvailable" not in sizes:
            return _UNKNOWN
        return self._memory + sizes["MemAvailable"] - int(sizes["MemTotal"] * _KEPT)
