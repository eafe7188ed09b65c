"""Faults that act from outside, driven by the loop: they start and end on time, and what they do to a process too."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from crashy.engines.outside_process import Process
from crashy.faults.active import FaultSet
from crashy.faults.base import Fault
from crashy.faults.effects import Command, Machine, ProcessEffects
from crashy.faults.injected import InjectedFault

Told = Callable[[str, InjectedFault], None]


class FaultDriver:
    """The faults of one container, or of what has no process here; used in the loop's thread only.

    What they do to the `process` is in the files of the package `effects`. `told` is called when a fault has Started
    later than it was injected, and when one that lasts has Ended.
    """

    def __init__(
        self,
        rng: random.Random,
        effects: ModuleType,
        process: Process[Any],
        told: Told,
        machine: Callable[[], Machine] | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.process = process
        self.faults = FaultSet(self._loop.time, rng, self._changed, machine, way="outside")
        self._told = told
        self._may_act: set[str] = set()
        self._effects = ProcessEffects(effects, process)
        self._injecting = False
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: defaultdict[str, set[asyncio.Future[None]]] = defaultdict(set)

    def inject(self, fault: Fault, source: str = "admin") -> InjectedFault:
        """Inject a fault; raises FaultError as `FaultSet.inject` does."""
        self._injecting = True
        try:
            injected = self.faults.inject(fault, source)
            self.carry_out(self.faults.tick())
        finally:
            self._injecting = False
        return injected

    def recover(self, which: str | None = None) -> list[InjectedFault]:
        """End the fault with this id, those of this name, or all; return those that this call ended."""
        ended = self.faults.recover(which)
        self.carry_out(self.faults.tick())
        return ended

    def process_ended(self) -> None:
        """End what faults do to a process, which has ended; what they do to connections goes on with the next one."""
        self.faults.process_ended()
        self.carry_out(self.faults.tick())

    def carry_out(self, commands: Sequence[Command]) -> None:
        """Carry out the faults' commands, and look again when the next fault is due."""
        for command in commands:
            try:
                self._effects.execute(command)
            except OSError as error:
                self.process.warn(f"{command.effect.file}: {error.strerror or error}")
        if self._timer:
            self._timer.cancel()
        due = self.faults.next_change()
        self._timer = None if due is None else self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self.carry_out(self.faults.tick())

    @property
    def quiet(self) -> bool:
        """Whether no fault may act on a request or a connection."""
        return not self._may_act

    async def ended(self, fault: InjectedFault) -> None:
        """Return when a fault has ended."""
        if fault.state == "ended":
            return
        ended: asyncio.Future[None] = self._loop.create_future()
        waiting = self._waiting[fault.id]
        waiting.add(ended)
        try:
            await ended
        finally:
            waiting.discard(ended)

    def close(self) -> None:
        """End everything."""
        self.recover()
        if self._timer:
            self._timer.cancel()

    def _changed(self, reason: str, fault: InjectedFault) -> None:
        if fault.state == "ended":
            self._may_act.discard(fault.id)
            for ended in self._waiting.pop(fault.id, set()):
                if not ended.done():
                    ended.set_result(None)
        elif fault.request_triggered or (fault.state == "active" and fault.fault.acts_on_requests()):
            self._may_act.add(fault.id)
        effect = fault.fault.process_effect()
        lasts = effect is None or effect.lasting
        if (reason == "Started" and not self._injecting) or (reason == "Ended" and lasts):
            self._told(reason, fault)
