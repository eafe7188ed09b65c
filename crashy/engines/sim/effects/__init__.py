"""What faults do to a modelled process: one file an effect, as in `server/effects/`."""

from __future__ import annotations

import math
from collections.abc import Callable

from crashy.engines.sim.process import Kernel


class ModelledProcess:
    """The state of a modelled process that effects change; `stopped_until` is on the kernel's clock."""

    def __init__(self, kernel: Kernel) -> None:
        self._postponed: list[Callable[[], None]] = []
        self.kernel = kernel
        self.blocked = False
        self.stopped_until = -math.inf
        self.listeners_closed = False

    @property
    def stopped(self) -> bool:
        """Whether the whole process is stopped, its admin API included."""
        return self.kernel.now() < self.stopped_until

    @property
    def awake(self) -> bool:
        """Whether its loop runs."""
        return not self.blocked and not self.stopped

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
