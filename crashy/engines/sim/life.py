"""The life of a modelled app, from the start of its process: it boots, serves, drains, and takes faults meanwhile."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Protocol

from crashy.engines.sim import effects
from crashy.engines.sim.dependencies import ModelledWatch, World
from crashy.engines.sim.files import ContainerFiles
from crashy.engines.sim.process import OOM_KILLED, Kernel
from crashy.engines.sim.shares import BOOT_WORK
from crashy.engines.sim.waiting import Notifier
from crashy.faults.active import FaultSet
from crashy.faults.base import Fault, FaultError
from crashy.faults.effects import Command, ProcessEffects
from crashy.faults.health import Health
from crashy.faults.injected import InjectedFault
from crashy.objects.limits import Limits
from crashy.patient.answers import GONE
from crashy.patient.countdowns import armed
from crashy.patient.dependencies import Dependencies
from crashy.patient.identity import identify
from crashy.patient.life import HEALTH_IN, QUIET, Phase
from crashy.patient.probes import files_of
from crashy.patient.settings import Settings
from crashy.patient.shutdown import UserRequests, summary

BOOT_SECONDS = (0.25, 0.35)
"""From the start of the process to its first line: least and most."""

PATIENT_MEMORY = 24 << 20
"""Bytes that the patient holds at rest: its anonymous memory, which no cache can give back (Linux, Python 3.11)."""


class CutError(Exception):
    """The process ended while a request was waiting for its response."""


class _Plan(Protocol):
    """What a patient needs of its plan, and what stands in for another app."""

    @property
    def settings(self) -> Settings | None: ...
    @property
    def pod(self) -> str: ...
    @property
    def rng(self) -> random.Random: ...
    @property
    def log(self) -> Callable[[str, str], None]: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def memory(self) -> int: ...


class ModelledLife:
    """One life, from the start of its process; who answers its requests builds on it."""

    def __init__(
        self, plan: _Plan, kernel: Kernel, files: ContainerFiles | None = None, world: World | None = None
    ) -> None:
        self._kernel = kernel
        self._rng = plan.rng
        self._log = plan.log
        self._notifier = Notifier()
        self._alive = True
        self._born = kernel.now()
        folder = plan.settings.state_dir if plan.settings else ""
        self.process = effects.ModelledProcess(kernel, plan.limits, plan.memory, folder)
        self._effects = ProcessEffects(effects, self.process)
        self._armed = math.inf
        self._request_faults: set[str] = set()  # the ids of the faults that affect requests
        self._in_flight = 0
        self._users = UserRequests(0, 0)
        self._at_sigterm: UserRequests | None = None
        self._asked_at = -math.inf
        self._busy_until = -math.inf
        self._deadline = math.inf
        self.phase: Phase | None = None
        """None before it has read its settings."""
        self.faults = FaultSet(kernel.now, plan.rng, self._changed, lambda: self.process)
        self._world = world
        self._dependencies: Dependencies | None = None
        self._watch: ModelledWatch | None = None
        self._files = files or ContainerFiles({}, (), self.has_file)
        settings = plan.settings
        if settings is not None:
            self._settings = settings
            self.process.message_path = settings.termination_message_path
            self._identity = identify(settings, {}, lambda: plan.pod)
        self._begin(settings is not None)

    def _begin(self, ready: bool) -> None:
        boots_at = self._kernel.now() + max(self._rng.uniform(*BOOT_SECONDS), self.process.delay(BOOT_WORK))
        self._kernel.call_at(boots_at, self._boot if ready else lambda: self._kernel.exit(2))

    def _boot(self) -> None:
        if self.process.memory >= (self.process.memory_limit or math.inf):
            self._kernel.exit(*OOM_KILLED)
            return
        settings = self._settings
        warm_up = (settings.app_start_delay or 0.0) + self._rng.uniform(0, settings.app_start_delay_jitter)
        self.phase = "warming up"
        self._look_after(settings)
        for name, fault in armed(settings, self._rng):
            self._take(fault, name)
        try:
            for fault in settings.faults:
                self._take(fault, "FAULTS")
        except FaultError as error:
            self._log("Refused", f"FAULTS: {fault.to_spec()}: {error}")
            self._kernel.exit(2)
            return
        if settings.app_start_delay is None:
            self._enter("serving")
        else:
            self._kernel.call_at(self._kernel.now() + warm_up, lambda: self.process.when_awake(self._serve))
        self.look_again()

    def _look_after(self, settings: Settings) -> None:
        """Begin to watch what it depends on, if anything."""
        self._dependencies = Dependencies.of(settings)
        if self._dependencies:

            def told(line: str) -> None:
                self._log("Dependency", line)
                self._notifier.notify()

            chance = random.Random(self._rng.getrandbits(64))
            self._watch = ModelledWatch(
                self._dependencies, self.process, self.faults, world=self._world, rng=chance, told=told
            )
            self._watch.start()

    def _own_health(self) -> Health:
        """Return its health without faults, as `Patient.own_health`."""
        health = HEALTH_IN[self.phase] if self.phase else GONE
        return health.without(self._dependencies.health()) if self._dependencies else health

    def _serve(self) -> None:
        if self.phase == "warming up":
            self._enter("serving")

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self._log("Phase", phase)

    @property
    def last_words(self) -> str:
        """Its termination message."""
        return self.process.last_words

    # --- injection and termination

    def inject(self, fault: Fault, source: str) -> str:
        """Inject a fault, as through its admin API; return why that fails, or an empty text. Raises FaultError."""
        if self.phase is None:
            return "refused"
        if self.process.stopped:
            return "timeout"
        self._take(fault, source)
        self.look_again()
        return ""

    def _take(self, fault: Fault, source: str) -> None:
        """Inject a fault that a model can have; raises FaultError."""
        effect = fault.process_effect()
        if effect is not None and effect.not_on_sim:
            raise FaultError("fault", f"'{fault.to_spec()}': not on sim: {effect.not_on_sim}")
        if effect is not None and effect.stores and self.process.limits.storage is not None:
            why = "the container's storage is limited, and no pod is evicted for it there"
            raise FaultError("fault", f"'{fault.to_spec()}': not on sim: {why}")
        self.faults.inject(fault, source)

    def recover(self, which: str | None = None) -> str:
        """Recover from all faults, or those of one name; return why that fails, or an empty text."""
        if self.phase is None:
            return "refused"
        if self.process.stopped:
            return "timeout"
        self.faults.recover(which)
        self.look_again()
        return ""

    def terminate(self) -> None:
        """Take SIGTERM: ignore it before the handler is set, defer it while frozen; else become unready and drain."""
        if self.phase is not None:
            self.process.when_awake(self._terminated)

    def _terminated(self) -> None:
        if self.process.ignores_sigterm or self._settings.shutdown == "ignore":
            self._log("Signal", "SIGTERM: ignored")
            return
        self._at_sigterm = self._users
        if self.phase == "warming up" or self._settings.shutdown == "instant":
            self._leave()
        else:
            self._drain()

    def _drain(self) -> None:
        self._enter("draining")
        now = self._kernel.now()
        self._asked_at, self._deadline = now, now + self._settings.drain_seconds
        if self._settings.shutdown == "slow":
            self.process.longer.append(math.inf)
        self._drained()

    def _drain_ends(self) -> float:
        """Return when the drain is over, or when to look again."""
        now = self._kernel.now()
        if self._settings.shutdown == "listener-first":  # the end of the last request looks again
            return min(self._deadline, math.inf if self._in_flight else now)
        return min(self._deadline, (now if self._in_flight else self._asked_at) + QUIET)

    def _drained(self) -> None:
        """Exit if the drain is over; else look again when it may be."""
        ends_at = self._drain_ends() + max(self.process.longer)
        if self._kernel.now() >= ends_at:
            self._leave()
        elif ends_at < math.inf:
            self._kernel.call_at(ends_at, self._look)

    def _look(self) -> None:
        if self.phase == "draining" and self._alive:
            self.process.when_awake(self._drained)

    def _leave(self) -> None:
        """Sum up and exit."""
        if self._at_sigterm:
            self.process.last_words = summary(self._at_sigterm, self._users).text()
            self._log("Shutdown", self.process.last_words)
        self.process.end(0, self.process.last_words)

    def ended(self) -> None:
        """Abort the requests in flight."""
        self._alive = False
        if self._watch:
            self._watch.stop()
        self._notifier.notify()

    # --- fault scheduling

    def _changed(self, reason: str, active: InjectedFault) -> None:
        if active.state == "ended":
            self._request_faults.discard(active.id)
        elif active.request_triggered or active.state == "active":
            self._request_faults.add(active.id)
        self._log(reason, f"fault {active.id}: {active.fault.to_spec()}")

    def look_again(self) -> None:
        """Start and end the faults that are due, and do what has waited for that, or for the process."""
        self._carry_out(() if self.process.stopped else self.faults.tick())

    def _carry_out(self, commands: Sequence[Command]) -> None:
        """Carry out the faults' commands, wake all waiting requests, and schedule the next change."""
        for command in commands:
            self._effects.execute(command)
        if not self._alive:
            return
        self.process.catch_up()
        self._notifier.notify()
        self._look()
        due = self.process.stopped_until if self.process.stopped else self.faults.next_change()
        if due is not None and due < math.inf and (due < self._armed or self._armed <= self._kernel.now()):
            self._armed = due
            self._kernel.call_at(due, self.look_again)

    # --- its files

    def has_file(self, path: str) -> bool:
        """Return whether a file is there that nobody but the patient writes."""
        at = PurePosixPath(path)
        return str(at.parent) == self._settings.state_dir and self._state_files().get(at.name, False)

    def _state_files(self) -> dict[str, bool]:
        return files_of(self._own_health().without(self.faults.health("exec")))

    # --- waiting

    async def _pass(self, seconds: float, deadline: float) -> bool:
        """Wait for so many seconds and until awake; return whether that was before the deadline."""
        due = self._kernel.now() + seconds
        await self._until(min(due, deadline), lambda: False)
        return due < deadline and await self._until(deadline, lambda: self.process.awake)

    async def _until(self, deadline: float, done: Callable[[], bool]) -> bool:
        """Wait until `done`, at most until the deadline; return whether it is. Raises if the process ends meanwhile."""
        while not done():
            if self._kernel.now() >= deadline:
                return False
            await self._notifier.wait(deadline)
            if not self._alive:
                raise CutError
        return True
