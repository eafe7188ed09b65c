"""What faults do to the whole of a modelled process."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from crashy.engines.sim.process import Kernel
from crashy.faults.effects import Begin, Block, Command, Deaf, End, Exit, Signal, Stop


class Body:
    """A process that faults end, block, stop and deafen; `stopped_until` is on the kernel's clock."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._blocked = False
        self._postponed: list[Callable[[], None]] = []
        self.stopped_until = -math.inf
        self.deaf = False

    @property
    def stopped(self) -> bool:
        """Whether the whole process stands still, its admin API included."""
        return self._kernel.now() < self.stopped_until

    @property
    def awake(self) -> bool:
        """Whether its loop runs."""
        return not self._blocked and not self.stopped

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

    def obey(self, commands: Sequence[Command]) -> None:
        """Carry out what the faults command."""
        for command in commands:
            match command:
                case Begin(Exit(code)):
                    self._kernel.exit(code)
                case Begin(Signal() as death):
                    self._kernel.exit(128 + death.number)
                case Begin(Block()):
                    self._blocked = True
                case End(Block()):
                    self._blocked = False
                case Begin(Stop(), float(until)):
                    self.stopped_until = until
                case Begin(Deaf()):
                    self.when_awake(lambda: self._hear(deaf=True))
                case End(Deaf()):
                    self.when_awake(lambda: self._hear(deaf=False))

    def _hear(self, *, deaf: bool) -> None:
        self.deaf = deaf
