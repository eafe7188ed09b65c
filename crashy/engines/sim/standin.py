"""A modelled container of another image: a healthy app, which takes the same faults as the patient.

The simple commands in its command (`shell`) are run as written; the first program that is not modelled is the app.
Probes and hooks that run other programs are clients of the app.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from crashy.engines.sim.files import ContainerFiles
from crashy.engines.sim.patient import ModelledPatient
from crashy.engines.sim.process import Condition, Kernel, Missing, Refuse
from crashy.engines.sim.speech import clash
from crashy.faults.scope import Client, ProbeName, Request
from crashy.grpc import CHECK
from crashy.kubelet.handlers.request import path_of
from crashy.objects import clients
from crashy.objects.limits import Limits, limits
from crashy.objects.pod import GRPC, Container, Exec, Handler, HTTPGet, ProbeType, TCPSocket
from crashy.objects.standin import Model
from crashy.patient import shell
from crashy.patient.answers import Answer
from crashy.patient.commands import Course, Ended, Other, advance
from crashy.patient.settings import Settings

_APP = ("the image's own program",)


@dataclass(frozen=True, slots=True)
class StandInPlan:
    """One life of a stand-in; `command` is what it runs, empty for the image's own program.

    `ends` says that its app ends by itself, as a Job's does; an `init` container's programs end at once, and well.
    """

    container: Container
    command: tuple[str, ...]
    ports: tuple[int, ...]
    tls: frozenset[int]
    model: Model
    files: ContainerFiles
    pod: str
    rng: random.Random
    log: Callable[[str, str], None]
    ends: bool = False
    init: bool = False
    start_seconds: float = 0.07
    start_error: str = ""

    memory: int = 0

    @property
    def limits(self) -> Limits:
        """Return the container's limits."""
        return limits(self.container)

    @property
    def settings(self) -> Settings:
        """Return the patient's settings that make such an app of it."""
        return Settings(port=self.ports, admin_port=None)

    def begin(self, kernel: Kernel) -> StandIn:
        """Begin the life now."""
        return StandIn(self, kernel)


class StandIn(ModelledPatient):
    """One life of a stand-in."""

    def __init__(self, plan: StandInPlan, kernel: Kernel) -> None:
        self._plan = plan
        self._app = False  # whether the app has been started: before, what runs is a simple command
        super().__init__(plan, kernel, plan.files)

    def _begin(self, ready: bool) -> None:
        del ready
        self.phase = "warming up"
        self._course = shell.run(self._plan.command, self._files) if self._plan.command else _app()
        self._later(0, lambda: self._go_on(None))

    def _go_on(self, code: int | None) -> None:
        """Continue the command; `code` is the exit code of the command that it waited for."""
        wanted = advance(self._course, code)
        if isinstance(wanted, Ended):
            self._kernel.exit(wanted.code)
        elif isinstance(wanted, Other):
            if self._plan.init:
                self._go_on(0)
            else:
                self._start_app()
        elif wanted != math.inf:
            self._later(wanted, lambda: self._go_on(None))

    def _start_app(self) -> None:
        model, rng = self._plan.model, self._rng
        self._app = True
        start = model.start.sample(rng)
        self._later(start, self._serve)
        if self._plan.ends or model.run:
            self._later(start + model.job_run.sample(rng), lambda: self._kernel.exit(0))

    def _later(self, seconds: float, do: Callable[[], None]) -> None:
        self._kernel.call_at(self._kernel.now() + seconds, lambda: self.process.when_awake(do))

    def terminate(self) -> None:
        """Take SIGTERM: a simple command has no handler, and so as PID 1 goes on; an app ends after its drain."""
        if self._app:
            self.process.when_awake(self._terminated)

    def _terminated(self) -> None:
        if self.process.ignores_sigterm:
            return
        self._enter("draining")
        self._deadline = self._kernel.now() + self._plan.model.drain.sample(self._rng)
        self._drained()

    def _drain_ends(self) -> float:
        return self._deadline

    async def respond(self, handler: Handler, port: int, within: float, client: Client) -> Condition:
        """Respond to a request on any path and gRPC service; see `Process.respond`."""
        match handler:
            case Exec(command) if not clients.startable(command):
                return Missing(command[0])
            case Exec(command):
                return await self._exec(command, within, self._probe_of(handler))
            case _ if not self.listens(port):
                return Refuse()
            case TCPSocket():
                return Answer()
            case GRPC() if port in self._plan.tls:
                return Refuse()
            case GRPC():
                return await self._asked(Request("POST", CHECK, client, self._probe_of(handler) or "readiness"), within)
            case HTTPGet():
                request = Request("GET", path_of(handler.path), client, self._probe_of(handler), handler.headers)
                return await self._asked(request, within, clash(handler, tls=port in self._plan.tls, grpc=False))

    async def _other(self, words: tuple[str, ...], within: float, probe: ProbeName | None) -> Condition:
        """Run a command that is not modelled: a client of the app, which fails until that has started."""
        if word := clients.operator(words):
            return Answer(500, f"{words[0]}: bad argument: {word}")
        if not self._app or not clients.contacts(words):
            return Answer(body="")
        if self.phase == "warming up":
            return Answer(500, f"{words[0]}: the app has not started")
        condition = await self._asked(Request("EXEC", words[0], "kubelet", probe), within)
        if isinstance(condition, Answer) and not clients.sees_errors(words):
            return condition._replace(status=200)
        return condition

    async def _route(self, path: str, deadline: float) -> Answer | None:
        del path, deadline
        return Answer()

    def _probe_of(self, handler: Handler) -> ProbeName | None:
        """Return the probe with this handler: this very object, as several may be equal."""
        for kind in ProbeType:
            probe = self._plan.container.probe(kind)
            if probe and probe.handler is handler:
                return kind.value
        return None


def _app() -> Course:
    yield Other(_APP)
    return Ended()
