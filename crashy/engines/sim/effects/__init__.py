"""What faults do to a modelled process: one file an effect, as in `server/effects/`."""

from __future__ import annotations

import math
from collections.abc import Callable

from crashy.engines.sim.process import Kernel
from crashy.engines.sim.shares import delay
from crashy.faults.effects import ListenersClosed
from crashy.fields.sizes import MOST
from crashy.objects.limits import Limits
from crashy.patient import TERMINATION_MESSAGE_PATH

MAX_CORES = 1024
MAX_THREADS = 32_768


class ModelledProcess:
    """The state of a modelled process that effects change; `stopped_until` is on the kernel's clock.

    It is its own `Machine`: a node has as much of everything as anybody asks for, a container its `limits`, and none of
    processes. `memory` is what it holds without faults, in bytes, `loads` what burns CPU beside it, in cores; `paused`
    counts what keeps it from taking connections, which the kernel queues meanwhile.
    """

    cores = MAX_CORES
    memory_ceiling = MOST
    fds_limit = 1 << 20  # containerd's and Docker's default
    threads_limit = None
    threads_ceiling = MAX_THREADS
    disk_ceiling = MOST

    def __init__(self, kernel: Kernel, limits: Limits, memory: int, state_dir: str) -> None:
        self._postponed: list[Callable[[], None]] = []
        self.kernel = kernel
        self.blocked = False
        self.stopped_until = -math.inf
        self.listeners_closed: list[ListenersClosed] = []
        self.limits = limits
        self.memory_limit = limits.memory
        self.memory = memory
        self.loads: list[float] = []
        self.paused = 0
        self.last_words = ""
        """Its termination message."""
        self.message_path = TERMINATION_MESSAGE_PATH
        self.ignores_sigterm = False
        self.longer = [0.0]
        """The seconds by which its drain is longer, of which the most count."""
        self.disk_free = MOST if state_dir else None

    def end(self, code: int, message: str) -> None:
        """End it with a termination message."""
        self.last_words = message
        self.kernel.exit(code, message=(self.message_path, message))

    @property
    def stopped(self) -> bool:
        """Whether the whole process is stopped, its admin API included."""
        return self.kernel.now() < self.stopped_until

    @property
    def awake(self) -> bool:
        """Whether its loop runs."""
        return not self.blocked and not self.stopped

    @property
    def accepts(self) -> bool:
        """Whether its loop runs and takes connections."""
        return self.awake and not self.paused

    def delay(self, work: float) -> float:
        """Return the seconds that so many CPU seconds of its work take now, 0 where nothing slows them down."""
        return delay(work, self.limits.cpu, self.loads)

    def when_awake(self, do: Callable[[], None]) -> None:
        """Do something now, or as soon as the loop runs again."""
        if self.awake:
            do()
        else:
            self._postponed.append(do)

    def catch_up(self) -> None:
        """Do what has waited for the loop, if that runs; to be called whenever something has changed."""
        while self.awake and self._postponed:
            self._postponed.pop(0)()
