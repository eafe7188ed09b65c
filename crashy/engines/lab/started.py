"""A container that runs in the lab: its program, its first process, and its control group."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from crashy.engines.lab.cgroup import Cgroup, Usage
from crashy.engines.lab.process import Process
from crashy.engines.lab.program import Program


@dataclass(slots=True)
class Running:
    """A container that was started; `watch` ends with it. It has no `group` where none can be made."""

    program: Program
    process: Process
    group: Cgroup | None
    watch: asyncio.Task[None] = field(init=False)

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
