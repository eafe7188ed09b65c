"""A container that runs in the lab: its program, its first process, and its control group."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from crashy.engines.lab import members
from crashy.engines.lab.cgroup import Cgroup, Usage
from crashy.engines.lab.process import Process
from crashy.engines.lab.program import Program


@dataclass(slots=True)
class Running:
    """A container that was started; `watch` ends with it. It has no `group` where none can be made.

    `mark` is in the environment of each of its processes. `beside` starts a command in its control group.
    `memory_limit` is in bytes, where one is enforced.
    """

    program: Program
    process: Process
    group: Cgroup | None
    mark: str
    beside: Callable[[Sequence[str]], Awaitable[Process]]
    memory_limit: int | None
    watch: asyncio.Task[None] = field(init=False)

    def processes(self) -> list[int]:
        """Return its processes, without those of commands that run beside its own."""
        return members.processes(self.process.pid, self.mark)

    def kill(self) -> None:
        """SIGKILL its process group, and thaw it: cgroup v1 lets nothing die that is frozen."""
        self.process.kill()
        if self.group:
            self.group.thaw()

    def usage(self) -> Usage | None:
        """Return what it has used until now; None where that isn't counted, or it has just ended."""
        try:
            return self.group.usage() if self.group else None
        except OSError:
            return None
