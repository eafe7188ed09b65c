"""The process of a stand-in: `python -m crashy.server.standin JSON`, which takes the same faults as the patient.

It answers HTTP on every path and gRPC's health on each of its ports, with TLS where that is asked. The simple commands
of its manifest do what they say, and the first program in them that is not modelled is the app.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
import ssl
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from aiohttp import web

from crashy.errors import BadInput
from crashy.faults.effects import InjectedResponse, ProcessEffects
from crashy.faults.injected import InjectedFault
from crashy.faults.scope import ProbeName, Request
from crashy.fields.units import parse_distribution
from crashy.patient import shell
from crashy.patient.answers import Answer, fault_answer, probe_answer
from crashy.patient.commands import Course, Ended, Other, advance
from crashy.patient.identity import identify
from crashy.patient.life import HEALTH_IN
from crashy.patient.settings import Settings
from crashy.patient.standin import EXEC_ROUTE, PROBE_HEADER, StandIn
from crashy.server import effects
from crashy.server.control import ControlPlane
from crashy.server.fault_scheduler import FaultScheduler
from crashy.server.gate import apply_faults, make_fault_hook, observe
from crashy.server.grpc_health import GrpcHealth
from crashy.server.listeners import Listeners, http
from crashy.server.logs import Log
from crashy.server.patient import Patient
from crashy.server.serve import loop_factory, machine
from crashy.server.shutdown import Shutdown, within
from crashy.server.sniffed import Sniffed
from crashy.server.standin_files import StandInFiles

CERTIFICATE = Path(__file__).with_name("standin.pem")
"""A certificate for localhost with its key, which protects nothing: kubelets don't verify it."""

_PROBES: Mapping[str, ProbeName] = {"startup": "startup", "readiness": "readiness", "liveness": "liveness"}
_OtherCommand = Callable[[tuple[str, ...]], Awaitable[Ended]]


def main(argv: Sequence[str]) -> int:
    """Run the stand-in that `argv[0]` describes as JSON; return its exit code."""
    plan = StandIn.from_json(argv[0])
    if plan.init and not plan.command:
        return 0
    rng = random.Random()
    start = parse_distribution(plan.start).sample(rng) - (time.monotonic() - plan.began)
    settings = Settings(
        host=plan.host, port=plan.ports, admin_port=plan.admin_port, app_start_delay=max(0.0, start), access_log=False
    )
    identity = identify(settings, {"POD_NAME": plan.pod}, lambda: plan.pod)
    log = Log(sys.stdout, as_json=False)
    patient = Patient(settings, identity, log=log, rng=rng, pid=os.getpid(), machine=machine(settings))
    with asyncio.Runner(loop_factory=loop_factory(patient)) as runner:
        return runner.run(StandInServer(plan, patient, rng, log).run())


class _EndedError(Exception):
    """The app has ended, and its container with it."""


class StandInServer:
    """One life of a stand-in, from the start of its process."""

    def __init__(self, plan: StandIn, patient: Patient, rng: random.Random, log: Log) -> None:
        self._plan = plan
        self._patient = patient
        self._rng = rng
        self._log = log
        self._files = StandInFiles(plan.folders)
        self._app = False  # whether the app has been started: before, what runs is a simple command
        self._shutdown = Shutdown(patient)

    async def run(self) -> int:
        """Run the command, and the app in it; return the exit code."""
        patient, plan = self._patient, self._plan
        loop = asyncio.get_running_loop()
        plain = tuple(port for port in plan.ports if port not in plan.tls)
        self._listeners = [
            Listeners(patient, "PORT", plan.host, ports, tls=context)
            for ports, context in ((plain, None), (plan.tls, _context() if plan.tls else None))
            if ports
        ]
        process = effects.Process(
            loop,
            self._listeners,
            log_stuck=lambda: None,
            before_exit=lambda *_: None,
            warn=lambda line: patient.add_event("Limited", line, level="warning"),
            shutdown=self._shutdown,
            log=self._log,
        )
        scheduler = FaultScheduler(patient, ProcessEffects(effects, process), lambda: None)

        async def exec_(request: web.Request) -> web.StreamResponse:
            return await self._exec(request, loop)

        control = ControlPlane(patient, plan.admin_port, None, [web.post(EXEC_ROUTE, exec_)])
        control.start()
        scheduler.start()
        try:
            course = shell.run(plan.command, self._files) if plan.command else _app(plan.image)
            return (await _follow(course, self._program)).code
        except _EndedError:
            return 0
        finally:
            scheduler.stop()
            control.stop()

    async def _program(self, words: tuple[str, ...]) -> Ended:
        """Run a program that is not modelled: the app, or in an init container one that succeeds at once."""
        if self._plan.init:
            self._patient.add_event("Said", f"{words[0]}: not run by this stand-in, taken to have succeeded")
            return Ended()
        await self._serve()
        raise _EndedError

    async def _serve(self) -> None:
        plan, patient = self._plan, self._patient
        self._app = True
        self._shutdown.listen()
        if not await self._shutdown.asked(patient.warm_up):
            await self._listen()
            patient.enter("serving")
            ports = ", ".join(map(str, plan.ports)) or "no port"
            patient.add_event("Said", f"standing in for {plan.image} on {ports}")
            if not await self._shutdown.asked(self._sample(plan.run) if plan.run else math.inf):
                return
            patient.enter("draining")
        await self._shutdown.linger(self._sample(plan.drain))

    def _sample(self, text: str) -> float:
        return parse_distribution(text).sample(self._rng)

    async def _listen(self) -> None:
        patient = self._patient
        app = web.Application()
        handler = observe(patient, self._answer, make_fault_hook(patient, self._fault_response, _probe_in))
        app.router.add_route("*", "/{rest:(?s:.*)}", handler)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.25)
        await runner.setup()
        connection = http(runner, patient)
        health = GrpcHealth(patient, asyncio.get_running_loop(), self._probe_of)
        for listeners in self._listeners:
            try:
                listeners.bind()
            except BadInput as error:
                for line in error.lines:
                    patient.add_event("Skipped", line, level="warning")
            else:
                await listeners.listen(lambda: Sniffed(connection, health.connection))

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        pod = self._patient.identity.pod
        if probe := _probe_in(request):
            answer = probe_answer(request.path, probe, pod, yes=getattr(HEALTH_IN[self._patient.phase], probe))
            return _response(answer)
        return web.Response(text=f"{pod} stands in for {self._plan.image}\n")

    async def _fault_response(self, request: web.Request, by: InjectedFault, given: InjectedResponse) -> web.Response:
        patient = self._patient
        response = _response(fault_answer(by, given, request.path, "", patient.identity, now=patient.now()))
        response.headers.update(dict(given.headers))
        return response

    def _probe_of(self, _path: str, service: str) -> ProbeName:
        """Return the probe that asks for a gRPC service; probes that share one put their own name in front of it."""
        return _PROBES.get(service.partition("/")[0]) or self._plan.services.get(service, "readiness")

    # --- commands beside the app, on the control plane's loop

    async def _exec(self, request: web.Request, app: asyncio.AbstractEventLoop) -> web.StreamResponse:
        document = await request.json()
        probe = _PROBES.get(document.get("probe") or "")
        last = Ended()

        async def other(words: tuple[str, ...]) -> Ended:
            nonlocal last
            last = await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._client(words, probe), app))
            return last

        ended = await _follow(shell.run(tuple(document["command"]), self._files), other)
        return web.json_response({"code": ended.code, "output": ended.output or last.output})

    async def _client(self, words: tuple[str, ...], probe: ProbeName | None) -> Ended:
        """Run a command that is not modelled: a client of the app, which fails until that has started."""
        patient = self._patient
        if not self._app:
            return Ended()
        if patient.phase == "warming up":
            return Ended(1, f"{words[0]}: the app has not started")
        effect = await apply_faults(patient, Request("EXEC", words[0], "kubelet", probe))
        patient.release(effect.holder)
        answer = Answer(body="")
        if effect.response is not None and effect.by is not None:
            answer = fault_answer(effect.by, effect.response, words[0], "", patient.identity, now=patient.now())
        elif probe:
            answer = probe_answer(words[0], probe, "", yes=getattr(HEALTH_IN[patient.phase], probe))
        return Ended(int(answer.status >= 400), answer.body)


async def _follow(course: Course, other: _OtherCommand) -> Ended:
    """Run a command to its end, in real time; `other` runs the programs that are not modelled."""
    code: int | None = None
    while True:
        wanted = advance(course, code)
        if isinstance(wanted, Ended):
            return wanted
        code = None
        if isinstance(wanted, Other):
            code = (await other(wanted.words)).code
        else:
            await within(asyncio.Event(), wanted)


def _app(image: str) -> Course:
    yield Other((image,))
    return Ended()


def _probe_in(request: web.Request) -> ProbeName | None:
    return _PROBES.get(request.headers.get(PROBE_HEADER, ""))


def _response(answer: Answer) -> web.Response:
    return web.Response(status=answer.status, text=answer.body, content_type=answer.content_type)


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
