"""A modelled patient: the settings, countdowns, faults and probe routes of the real one, without its server.

Left out of the real one: the time of a response without delay, the time until a frozen patient's connection backlog
(1024) is full, and requests of clients that have gone.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from crashy.engines.sim import effects, shell
from crashy.engines.sim.execute import execute
from crashy.engines.sim.files import ContainerFiles
from crashy.engines.sim.process import Condition, Cut, Hang, Kernel, Refuse
from crashy.engines.sim.waiting import Notifier
from crashy.faults.active import NOTHING, FaultSet, InjectedFault
from crashy.faults.base import Fault
from crashy.faults.effects import Command, ProcessEffects
from crashy.faults.kinds.crash import Crash
from crashy.faults.kinds.freeze import Freeze
from crashy.faults.scope import Client, ProbeName, Request
from crashy.grpc import CHECK
from crashy.objects.pod import GRPC, Exec, Handler, HTTPGet, TCPSocket
from crashy.patient.answers import GONE, PAGES, Answer, fault_answer, probe_answer, run
from crashy.patient.countdowns import armed
from crashy.patient.identity import identify
from crashy.patient.life import HEALTH_IN, QUIET, RNG_SECONDS, Phase
from crashy.patient.probes import GRPC_SERVICES, PROBE_ROUTES
from crashy.patient.settings import Settings

BOOT_SECONDS = (0.25, 0.35)
"""From the start of the process to its first line: least and most."""


class _CutError(Exception):
    """The process ended while a request was waiting for its response."""


@dataclass(frozen=True, slots=True)
class PatientPlan:
    """One life of a patient; `rng` makes its random choices, `log` is called with its log's lines (reason and text).

    `settings` None stands for settings that the patient refuses: it says so and exits with code 2.
    """

    settings: Settings | None
    pod: str
    rng: random.Random
    log: Callable[[str, str], None]
    start_seconds: float = 0.07
    start_error: str = ""

    files: ContainerFiles | None = None
    """Those of others in its pod; without them it has its own alone."""

    def begin(self, kernel: Kernel) -> ModelledPatient:
        """Begin the life now."""
        patient = ModelledPatient(self, kernel, self.files)
        if self.files:
            self.files.known = patient.has_file
        return patient


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


class ModelledPatient:
    """One life of a patient, from the start of its process."""

    def __init__(self, plan: _Plan, kernel: Kernel, files: ContainerFiles | None = None) -> None:
        self._kernel = kernel
        self._rng = plan.rng
        self._log = plan.log
        self._notifier = Notifier()
        self._alive = True
        self._process = effects.ModelledProcess(kernel)
        self._effects = ProcessEffects(effects, self._process)
        self._armed = math.inf
        self._request_faults: set[str] = set()  # the ids of the faults that affect requests
        self._in_flight = 0
        self._asked_at = -math.inf
        self._busy_until = -math.inf
        self._deadline = math.inf
        self.phase: Phase | None = None
        """None before it has read its settings."""
        self.faults = FaultSet(kernel.now, plan.rng, self._changed)
        self._files = files or ContainerFiles({}, (), self.has_file)
        settings = plan.settings
        if settings is not None:
            self._settings = settings
            self._identity = identify(settings, {}, lambda: plan.pod)
        self._begin(settings is not None)

    def _begin(self, ready: bool) -> None:
        boots_at = self._kernel.now() + self._rng.uniform(*BOOT_SECONDS)
        self._kernel.call_at(boots_at, self._boot if ready else lambda: self._kernel.exit(2))

    def _boot(self) -> None:
        settings = self._settings
        warm_up = (settings.app_start_delay or 0.0) + self._rng.uniform(0, settings.app_start_delay_jitter)
        self.phase = "warming up"
        for name, fault in armed(settings, self._rng):
            self.faults.inject(fault, name)
        for fault in settings.faults:
            self.faults.inject(fault, "FAULTS")
        if settings.app_start_delay is None:
            self._enter("serving")
        else:
            self._kernel.call_at(self._kernel.now() + warm_up, lambda: self._process.when_awake(self._serve))
        self._tick()

    def _serve(self) -> None:
        if self.phase == "warming up":
            self._enter("serving")

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self._log("Phase", phase)

    # --- injection and termination

    def inject(self, fault: Fault, source: str) -> str:
        """Inject a fault, as through its admin API; return why that fails, or an empty text. Raises FaultError."""
        if self.phase is None:
            return "refused"
        if self._process.stopped:
            return "timeout"
        self.faults.inject(fault, source)
        self._tick()
        return ""

    def recover(self, which: str | None = None) -> str:
        """Recover from all faults, or those of one name; return why that fails, or an empty text."""
        if self.phase is None:
            return "refused"
        if self._process.stopped:
            return "timeout"
        self.faults.recover(which)
        self._tick()
        return ""

    def terminate(self) -> None:
        """Take SIGTERM: ignore it before the handler is set, defer it while frozen; else become unready and drain."""
        if self.phase is not None:
            self._process.when_awake(self._drain)

    def _drain(self) -> None:
        if self.phase == "warming up":
            self._kernel.exit(0)
            return
        self._enter("draining")
        now = self._kernel.now()
        self._asked_at, self._deadline = now, now + self._settings.drain_seconds
        self._drained()

    def _drained(self) -> None:
        now = self._kernel.now()
        quiet_at = (now if self._in_flight else self._asked_at) + QUIET
        ends_at = min(self._deadline, quiet_at)
        if now >= ends_at:
            self._kernel.exit(0)
        else:
            self._kernel.call_at(ends_at, lambda: self._process.when_awake(self._drained))

    def ended(self) -> None:
        """Abort the requests in flight."""
        self._alive = False
        self._notifier.notify()

    # --- fault scheduling

    def _changed(self, reason: str, active: InjectedFault) -> None:
        if active.state == "ended":
            self._request_faults.discard(active.id)
        elif active.request_triggered or active.state == "active":
            self._request_faults.add(active.id)
        self._log(reason, f"fault {active.id}: {active.fault.to_spec()}")

    def _tick(self) -> None:
        self._carry_out(() if self._process.stopped else self.faults.tick())

    def _carry_out(self, commands: Sequence[Command]) -> None:
        """Carry out the faults' commands, wake all waiting requests, and schedule the next change."""
        for command in commands:
            self._effects.execute(command)
        if not self._alive:
            return
        self._process.catch_up()
        self._notifier.notify()
        due = self._process.stopped_until if self._process.stopped else self.faults.next_change()
        if due is not None and (due < self._armed or self._armed <= self._kernel.now()):
            self._armed = due
            self._kernel.call_at(due, self._tick)

    # --- requests

    def listens(self, port: int) -> bool:
        """Return whether the kernel takes connections to a port for it now; it does so for a frozen one too."""
        if self.phase is None:
            return False
        if port == self._settings.admin_port:
            return True
        bound = port in self._settings.port or port == self._settings.grpc_port
        return bound and self.phase != "warming up" and not self._process.listeners_closed

    async def respond(self, handler: Handler, port: int, within: float, client: Client) -> Condition:
        """Respond to a request; see `Process.respond`."""
        match handler:
            case Exec(command):
                return await self._exec(command, within, None)
            case _ if not self.listens(port):
                return Refuse()
            case TCPSocket():
                return Answer()
            case GRPC(service=service):
                if port != self._settings.grpc_port:
                    return Refuse()
                request = Request("POST", CHECK, client, GRPC_SERVICES.get(service))
            case HTTPGet():
                path = handler.path.partition("?")[0]
                request = Request("GET", path, client, PROBE_ROUTES.get(path))
        return await self._asked(request, within)

    async def _asked(self, request: Request, within: float) -> Condition:
        """Answer a request, or not."""
        began = self._kernel.now()
        self._in_flight += 1
        try:
            answer = await self._answer(request, began + within)
        except _CutError:
            return Cut(self._kernel.now() - began)
        finally:
            self._in_flight -= 1
            if request.client == "users":
                self._asked_at = self._kernel.now()
        took = self._kernel.now() - began
        if answer is None or took >= within:
            return Hang()
        return answer._replace(latency=took)

    async def _answer(self, request: Request, deadline: float) -> Answer | None:
        """Return the response, or None if the deadline comes first."""
        if not self._process.awake and not await self._until(deadline, lambda: self._process.awake):
            return None
        busy = self._busy_until - self._kernel.now()
        if busy > 0 and not request.path[1:].isdecimal() and not await self._pass(busy, deadline):
            return None
        if request.path.startswith("/admin/"):
            return Answer(body="")
        effect = self.faults.on_request(request) if self._request_faults else NOTHING
        if effect.commands:
            self._carry_out(effect.commands)
            if not self._alive:
                raise _CutError
            if not await self._until(deadline, lambda: self._process.awake):
                return None
        hang = effect.hang
        if effect.delay and not await self._pass(effect.delay, deadline):
            return None
        if hang is not None and not await self._until(deadline, lambda: hang.state == "ended"):
            return None
        path, persona, identity = request.path, self._settings.persona, self._identity
        if effect.response is not None and effect.by is not None:
            return fault_answer(effect.by, effect.response, path, persona, identity, now=self._kernel.now())
        if self.phase and request.is_probe:
            yes = getattr(HEALTH_IN[self.phase], request.is_probe)
            return probe_answer(path, request.is_probe, identity.pod, yes=yes)
        if path in PAGES:
            return Answer(body=PAGES[path](persona, identity))
        return await self._route(path, deadline)

    async def _route(self, path: str, deadline: float) -> Answer | None:
        """Return the response of a route with an effect or a duration; None if the deadline comes first."""
        if path[1:].isdecimal():
            return Answer(body="") if await self._work(deadline) else None
        if path == "/crash":
            self.inject(Crash(code=self._settings.exit_code), "GET /crash")
            raise _CutError
        if path == "/freeze":
            self.inject(Freeze(), "GET /freeze")
            return Answer(body="") if await self._until(deadline, lambda: self._process.awake) else None
        return Answer(404, "404: Not Found")

    async def _work(self, deadline: float) -> bool:
        """Do the rng's work: for all requests at once, or, if blocking, for one after another."""
        if self._settings.rng_mode != "blocking":
            return await self._pass(RNG_SECONDS, deadline)
        now = self._kernel.now()
        self._busy_until = max(now, self._busy_until) + RNG_SECONDS
        return await self._pass(self._busy_until - now, deadline)

    async def _exec(self, command: tuple[str, ...], within: float, probe: ProbeName | None) -> Condition:
        """Run a command beside the process."""
        kernel = self._kernel
        began = kernel.now()
        try:
            return await execute(
                shell.run(command, self._files),
                kernel.now,
                within,
                lambda words, left: self._other(words, left, probe),
                lambda seconds: self._until(kernel.now() + seconds, lambda: False),
            )
        except _CutError:
            return Cut(kernel.now() - began)

    async def _other(self, words: tuple[str, ...], within: float, probe: ProbeName | None) -> Condition:
        """Run a command that is not modelled."""
        del within, probe
        return self._run(words)

    def _run(self, command: tuple[str, ...]) -> Condition:
        return run(command, self._settings.state_dir if self.phase else "", self._state_files())

    def has_file(self, path: str) -> bool:
        """Return whether a file is there that nobody but the patient writes."""
        at = PurePosixPath(path)
        return str(at.parent) == self._settings.state_dir and self._state_files().get(at.name, False)

    def _state_files(self) -> dict[str, bool]:
        health = HEALTH_IN[self.phase] if self.phase else GONE
        faults = self.faults.health()
        return {"is_ready": health.readiness and faults.readiness, "is_healthy": health.liveness and faults.liveness}

    async def _pass(self, seconds: float, deadline: float) -> bool:
        """Wait for so many seconds and until awake; return whether that was before the deadline."""
        due = self._kernel.now() + seconds
        await self._until(min(due, deadline), lambda: False)
        return due < deadline and await self._until(deadline, lambda: self._process.awake)

    async def _until(self, deadline: float, done: Callable[[], bool]) -> bool:
        """Wait until `done`, at most until the deadline; return whether it is. Raises if the process ends meanwhile."""
        while not done():
            if self._kernel.now() >= deadline:
                return False
            await self._notifier.wait(deadline)
            if not self._alive:
                raise _CutError
        return True
