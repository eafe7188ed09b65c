"""A modelled patient: the settings, countdowns, faults and probe routes of the real one, without its server.

Left out of the real one: the time of a response without delay, the time until a frozen patient's connection backlog
(1024) is full, and requests of clients that have gone.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from crashy.engines.sim.dependencies import World
from crashy.engines.sim.execute import execute
from crashy.engines.sim.files import ContainerFiles
from crashy.engines.sim.life import PATIENT_MEMORY, CutError, ModelledLife
from crashy.engines.sim.persona import ModelledPersona, podcli
from crashy.engines.sim.process import Broken, CallFailed, Condition, Cut, Hang, Kernel, Refuse, Stall, Stopped
from crashy.engines.sim.responses import Answered, change
from crashy.engines.sim.shares import RESPONSE_WORK, program_work
from crashy.engines.sim.speech import clash
from crashy.faults.injected import NOTHING, RequestEffect
from crashy.faults.kinds.crash import Crash
from crashy.faults.kinds.freeze import Freeze
from crashy.faults.scope import Client, ProbeName, Request
from crashy.grpc import CHECK, OF_HTTP, Code
from crashy.kubelet.handlers.request import path_of
from crashy.objects.limits import UNLIMITED, Limits
from crashy.objects.pod import GRPC, Exec, Handler, HTTPGet, TCPSocket
from crashy.patient import shell
from crashy.patient.answers import PAGES, Answer, fault_answer, probe_answer, run
from crashy.patient.life import RNG_SECONDS
from crashy.patient.probes import GRPC_SERVICES, PROBE_ROUTES
from crashy.patient.routes import ADMIN_PAGES
from crashy.patient.settings import Settings

_GUARDED = {"/crash", "/freeze"}
"""The routes that need the admin API's token where there is one."""


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

    limits: Limits = UNLIMITED
    memory: int = PATIENT_MEMORY
    files: ContainerFiles | None = None
    """Those of others in its pod; without them it has its own alone."""
    world: World | None = None
    """Where the names of its dependencies lead; without it they are all elsewhere, and up."""

    def begin(self, kernel: Kernel) -> ModelledPatient:
        """Begin the life now."""
        patient = ModelledPatient(self, kernel, self.files, self.world)
        if self.files:
            self.files.known = patient.has_file
        return patient


class ModelledPatient(ModelledLife):
    """One life of a patient: how it answers."""

    @cached_property
    def _persona(self) -> ModelledPersona:
        return ModelledPersona(self._settings.persona, self._identity, self)

    def listens(self, port: int) -> bool:
        """Return whether the kernel takes connections to a port for it now; it does so for a frozen one too."""
        if self.phase is None:
            return False
        if port == self._settings.admin_port:
            return True
        closed = self.process.listeners_closed
        bound = port in self._settings.port and not closed
        bound |= port == self._settings.grpc_port and not any(effect.grpc for effect in closed)
        deaf = self.phase == "draining" and self._settings.shutdown == "listener-first"
        return bound and self.phase != "warming up" and not deaf

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
                path = path_of(handler.path)
                request = Request("GET", path, client, PROBE_ROUTES.get(path), handler.headers)
                control = port == self._settings.admin_port
                if wrong := clash(handler, tls=False, grpc=port == self._settings.grpc_port):
                    return await self._asked(request, within, wrong, control=control)
                if control or path.startswith("/admin/"):
                    return await self._asked(request, within, self._admin(path), control=control)
                route = self._persona.route(path)
                if (path in _GUARDED or (route and route.changes)) and not self._authorized(handler):
                    return await self._asked(request, within, Answer(401))
                return await self._asked(request, within, query=handler.path.partition("#")[0].partition("?")[2])
        return await self._asked(request, within)

    def _admin(self, path: str) -> Answer | Stall:
        """Return the response of the admin API."""
        if path == "/admin/events":
            return Stall()
        known = path in ADMIN_PAGES or (path == "/metrics" and self._settings.metrics)
        return Answer(body="") if known else Answer(404)

    def _authorized(self, get: HTTPGet) -> bool:
        """Return whether a request has the token of the admin API, or needs none."""
        given = next((value for name, value in get.headers if name.lower() == "authorization"), "")
        scheme, _, token = given.partition(" ")
        wanted = self._settings.admin_token
        return not wanted or (scheme.lower() == "bearer" and token.strip() == wanted)

    async def _asked(
        self,
        request: Request,
        within: float,
        anyway: Answer | Broken | Stall | None = None,
        *,
        control: bool = False,
        query: str = "",
    ) -> Condition:
        """Return the outcome of a request after at most `within` seconds; `anyway` it is this, once the loop runs.

        The `control` plane has a loop of its own.
        """
        began = self._kernel.now()
        deadline = began + within
        user = request.client == "users" and not control and not request.path.startswith("/admin/")
        self._in_flight += 1
        self._users = self._users.plus(begun=user)
        try:
            if control and not self.process.stopped:
                return anyway or Answer(404)
            if not await self._awake(request, deadline):
                return Stopped()
            answer = anyway or await self._answer(request, deadline, query)
        except CutError:
            return Cut(self._kernel.now() - began)
        finally:
            self._in_flight -= 1
            self._users = self._users.plus(finished=user)
            if request.client == "users":
                self._asked_at = self._kernel.now()
            if self.phase == "draining" and not self._in_flight:
                self._kernel.call_at(self._kernel.now(), self._look)
        if isinstance(answer, Stall):
            return answer
        took = self._kernel.now() - began
        if answer is None or isinstance(answer, Hang) or took >= within:
            return Hang()
        return answer._replace(latency=took) if isinstance(answer, Answer) else replace(answer, latency=took)

    async def _awake(self, request: Request, deadline: float) -> bool:
        """Wait until the loop takes the request's connection; return whether that was before the deadline."""
        if not self.process.accepts and not await self._until(deadline, lambda: self.process.accepts):
            return False
        late = self.process.delay(RESPONSE_WORK)
        if late and not await self._pass(late, deadline):
            return False
        busy = self._busy_until - self._kernel.now()
        return busy <= 0 or request.path[1:].isdecimal() or await self._pass(busy, deadline)

    async def _answer(self, request: Request, deadline: float, query: str) -> Answered | None:
        """Return the response, or None if the deadline comes first."""
        route = self._persona.route(request.path) if request.method == "GET" else None
        spared = route is not None and route.control
        effect = self.faults.on_request(request) if self._request_faults and not spared else NOTHING
        try:
            return await self._affected(request, effect, deadline, query)
        finally:
            if effect.holder is not None and self._alive:
                self.faults.release(effect.holder)

    async def _affected(self, request: Request, effect: RequestEffect, deadline: float, query: str) -> Answered | None:
        if effect.commands:
            self._carry_out(effect.commands)
            if not self._alive:
                raise CutError
            if not await self._until(deadline, lambda: self.process.awake):
                return None
        hang = effect.hang
        if effect.delay and not await self._pass(effect.delay, deadline):
            return None
        if hang is not None and not await self._until(deadline, lambda: hang.state == "ended"):
            return None
        by = effect.by
        if effect.change is None or by is None or request.method == "EXEC":
            return await self._own(request, effect, deadline, query)

        async def wait(seconds: float | None) -> bool:
            due = min(deadline, math.inf if seconds is None else self._kernel.now() + seconds)
            over = await self._until(due, lambda: by.state == "ended") or due < deadline
            return over and await self._until(deadline, lambda: self.process.awake)

        return await change(
            effect.change, lambda: self._own(request, NOTHING, deadline, query), wait, self._identity, request
        )

    async def _own(self, request: Request, effect: RequestEffect, deadline: float, query: str) -> Answered | None:
        """Return the app's own response, or the one that a fault sends instead."""
        path, persona, identity = request.path, self._settings.persona, self._identity
        if effect.response is None and self._dependencies:
            late = self._dependencies.wait(request.is_probe)
            if late and not await self._pass(late, deadline):
                return None
        if path == CHECK:
            return self._check(request, effect)
        if effect.response is not None and effect.by is not None:
            return fault_answer(effect.by, effect.response, path, persona, identity, now=self._kernel.now())
        if self._persona.route(path):
            return await self._reply(request, deadline, query)
        if self.phase and request.is_probe:
            yes = getattr(self._own_health(), request.is_probe)
            return probe_answer(path, request.is_probe, identity.pod, yes=yes, persona=persona)
        if path in PAGES:
            return Answer(body=PAGES[path](persona, identity))
        return await self._route(path, deadline)

    async def _reply(self, request: Request, deadline: float, query: str) -> Answered | None:
        """Return the response of a route that is the app's own, with what comes with it."""
        answer = self._persona.answer(request.path, query, self._kernel.now() - self._born)
        if not self._alive:
            raise CutError
        return answer if not answer.latency or await self._pass(answer.latency, deadline) else None

    def _check(self, request: Request, effect: RequestEffect) -> Answer | CallFailed:
        """Return the response to a gRPC health check, as `server/grpc_health.py` gives it."""
        serving = True
        if effect.response is not None and effect.by is not None:
            serving = not effect.by.fault.failing()
            if serving:
                given, who = effect.response._replace(body=effect.response.body or None), self._identity
                answer = fault_answer(effect.by, given, CHECK, self._settings.persona, who, now=self._kernel.now())
                return CallFailed(OF_HTTP.get(answer.status, Code.UNKNOWN), answer.body)
        if request.is_probe is None:
            return CallFailed(Code.NOT_FOUND, "unknown service")
        serving = serving and (self.phase is None or getattr(self._own_health(), request.is_probe))
        return probe_answer(CHECK, request.is_probe, "", yes=serving)

    async def _route(self, path: str, deadline: float) -> Answer | None:
        """Return the response of a route with an effect or a duration; None if the deadline comes first."""
        if path[1:].isdecimal():
            return Answer(body="") if await self._work(deadline) else None
        if path == "/dependencies" and self._dependencies:
            return Answer(*self._dependencies.page())
        if path == "/crash":
            self.inject(Crash(code=self._settings.exit_code), "GET /crash")
            raise CutError
        if path == "/freeze":
            self.inject(Freeze(), "GET /freeze")
            return Answer(body="") if await self._until(deadline, lambda: self.process.awake) else None
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
                lambda words, left: self._program(words, left, probe),
                lambda seconds: self._until(kernel.now() + seconds, lambda: False),
            )
        except CutError:
            return Cut(kernel.now() - began)

    async def _program(self, words: tuple[str, ...], within: float, probe: ProbeName | None) -> Condition:
        """Run a program that is not modelled, once it has had the CPU time to start."""
        late = self.process.delay(program_work(words[0]))
        if late and not await self._pass(late, self._kernel.now() + within):
            return Hang()
        return await self._other(words, within - late, probe)

    async def _other(self, words: tuple[str, ...], within: float, probe: ProbeName | None) -> Condition:
        """Run a command that is not modelled."""
        del probe
        if words[0].rpartition("/")[2] == "podcli":
            return await podcli(words[1:], within, self.respond)
        return self._run(words)

    def _run(self, command: tuple[str, ...]) -> Condition:
        return run(command, self._settings.state_dir if self.phase else "", self._state_files())
