"""Pods with a patient that take faults and are probed as `crashy/faults/probed.py` says: in a lab, and on sim."""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from crashy.engines.admin import TIMEOUT, NotDoneError, inject, problem, recover
from crashy.engines.lab.addresses import Addresses
from crashy.engines.lab.cgroups import Cgroups
from crashy.engines.lab.network import LoopbackNetwork
from crashy.engines.lab.outside_faults import OutsideFaults
from crashy.engines.lab.program import Programs
from crashy.engines.lab.runtime import ProcessRuntime
from crashy.engines.lab.standin import post
from crashy.engines.lab.warden import Warden
from crashy.engines.sim.network import SimNetwork
from crashy.engines.sim.patient import ModelledPatient
from crashy.engines.sim.plans import Plans
from crashy.engines.sim.runtime import SimRuntime
from crashy.faults.base import Fault, FaultError, parse_spec
from crashy.faults.probed import Probed
from crashy.fields.units import Fixed
from crashy.kubelet.events import probe_event
from crashy.kubelet.runtime import Exited, HookError, Pod, Runtime
from crashy.kubelet.versions import PROFILES
from crashy.objects.pod import (
    GRPC,
    Exec,
    Handler,
    HTTPGet,
    PodTemplate,
    Probe,
    ProbeType,
    TCPSocket,
    parse_pod_template,
)
from crashy.timeline import Timeline

PROFILE = PROFILES["1.32"]
DEADLINE = 20.0
_ASKED = {
    "readiness": ("/readyz", "readiness", "is_ready"),
    "liveness": ("/livez", "liveness", "is_healthy"),
    "startup": ("/startupz", "startup", "is_started"),
}
ENV: dict[str, str] = {"GRPC_PORT": "9000"}
"""The patient's settings."""


def template() -> PodTemplate:
    """Return the pod's template."""
    container: dict[str, Any] = {
        "name": "app",
        "image": "crashy-app",
        "env": [{"name": name, "value": value} for name, value in ENV.items()],
        "ports": [{"name": "web", "containerPort": 8080}],
        "resources": {"limits": {"memory": "256Mi"}},
    }
    return parse_pod_template({"metadata": {"name": "web"}, "spec": {"containers": [container]}}, path="")


def probe_of(fault: type[Fault]) -> ProbeType:
    """Return the probe that a fault is about: the one that is its target, else readiness."""
    return ProbeType(fault.target) if fault.target in _ASKED else ProbeType.READINESS


def handlers(probe: ProbeType) -> dict[str, Handler]:
    """Return a handler of each kind, by the kind's name."""
    path, service, file = _ASKED[probe.value]
    return {
        "http": HTTPGet(8080, path),
        "grpc": GRPC(9000, service),
        "tcp": TCPSocket(8080),
        "exec": Exec(("cat", f"/app/{file}")),
    }


class Gate(Protocol):
    """The admin API of a pod's patient."""

    async def inject(self, pod: Pod, spec: str) -> None:
        """Inject; raises NotDoneError."""

    async def recover(self, pod: Pod) -> None:
        """Recover from all faults; raises NotDoneError."""


class ProbedPod:
    """A pod with a patient that runs, or has ended and can be started again."""

    def __init__(self, runtime: Runtime, ip: str, gate: Gate) -> None:
        self._runtime = runtime
        self._gate = gate
        self._pod = Pod("web", "default", f"uid-{ip}", ip, template())
        self._id = ""
        self._attempt = 0
        self._exited: asyncio.Future[int]

    async def start(self) -> None:
        """Start its container, and wait until it serves."""
        self._exited = exited = asyncio.get_running_loop().create_future()

        def on_exit(one: Exited) -> None:
            exited.set_result(one.exit_code)

        container = self._pod.template.containers[0]
        self._id = await self._runtime.start(self._pod, container, self._attempt, on_exit)
        self._attempt += 1
        await self.until(ProbeType.READINESS, Probed())

    async def says(self, probe: ProbeType, handler: Handler) -> str:
        """Return what one probe says, as `Probed` has it."""
        container = self._pod.template.containers[0]
        outcome = await self._runtime.probe(self._pod, container, self._id, Probe(handler))
        event = probe_event(probe, outcome, PROFILE)
        name = probe.value.capitalize()
        return self._said(event.text.removeprefix(f"{name} probe ").removeprefix("failed: ") if event else "")

    def _said(self, text: str) -> str:
        text = text.replace(self._pod.ip, "POD").rstrip("\n")
        return re.sub(r"read tcp [^ ]+->", "read tcp NODE->", text)

    async def until(self, probe: ProbeType, expected: Probed) -> Probed:
        """Probe until all say what is expected, for some seconds; return what they said last.

        Those that are to succeed are asked once the others fail: a fault acts a moment after its injection.
        """
        said: dict[str, str] = {}

        async def ask(kind: str, handler: Handler) -> None:
            deadline = asyncio.get_running_loop().time() + DEADLINE
            wanted = getattr(expected, kind)
            while (got := await self.says(probe, handler)) != wanted:
                if asyncio.get_running_loop().time() > deadline or self._exited.done():
                    break
                await asyncio.sleep(0.02)
            said[kind] = got

        for fails in (True, False):
            chosen = [(k, h) for k, h in handlers(probe).items() if bool(getattr(expected, k)) is fails]
            await asyncio.gather(*(ask(kind, handler) for kind, handler in chosen))
        return Probed(**said)

    async def with_fault(self, fault: type[Fault], spec: str, expected: Probed) -> Probed:
        """Inject a fault; return what is seen of it. Afterwards the patient is as it was; raises NotDoneError."""
        await self._gate.inject(self._pod, spec)
        if expected.exits is not None:
            async with asyncio.timeout(DEADLINE):
                code = await self._exited
            await self.start()
            return Probed(exits=code)
        seen = await self.until(probe_of(fault), expected)
        await self._recover()
        after = await self.until(probe_of(fault), Probed())
        assert after == Probed(), f"{spec}: after its end"
        return seen

    async def hook_with_fault(self, spec: str, hook: HTTPGet, within: float) -> str | None:
        """Run a hook while a fault is active; return why it fails, empty if it doesn't, None if it waits on."""
        await self._gate.inject(self._pod, spec)
        try:
            async with asyncio.timeout(within):
                await self._runtime.hook(self._pod, self._pod.template.containers[0], self._id, hook)
        except HookError as error:
            return self._said(str(error))
        except TimeoutError:
            return None
        finally:
            await self._recover()
        return ""

    async def _recover(self) -> None:
        """Recover as soon as that can be: a stopped process takes no request."""
        async with asyncio.timeout(DEADLINE):
            while True:
                try:
                    return await self._gate.recover(self._pod)
                except NotDoneError:
                    await asyncio.sleep(0.1)


class _LabGate:
    """The admin API on the pods' addresses."""

    def __init__(self, programs: Programs, addresses: Addresses) -> None:
        self._programs = programs
        self._addresses = addresses

    async def _send(self, pod: Pod, method: str, path: str, document: dict[str, Any]) -> None:
        port = self._programs.program(pod, pod.template.containers[0]).environ["ADMIN_PORT"]
        url = f"http://{self._addresses.host(pod.ip)}:{port}{path}"
        reply = await post(url, json.dumps(document).encode(), TIMEOUT, token="", method=method)
        if reply.failure or reply.status >= 300:
            raise NotDoneError(reply.failure or problem(reply.status, reply.body))

    async def inject(self, pod: Pod, spec: str) -> None:
        await inject(lambda *request: self._send(pod, *request), spec)

    async def recover(self, pod: Pod) -> None:
        await recover(lambda *request: self._send(pod, *request), "all")


class _SimGate:
    """The modelled patient itself."""

    def __init__(self, runtime: SimRuntime) -> None:
        self._runtime = runtime

    async def inject(self, pod: Pod, spec: str) -> None:
        try:
            refused = self._patient(pod).inject(parse_spec(spec), "admin")
        except FaultError as error:
            refused = str(error)
        if refused:
            raise NotDoneError(refused)

    async def recover(self, pod: Pod) -> None:
        if refused := self._patient(pod).recover():
            raise NotDoneError(refused)

    def _patient(self, pod: Pod) -> ModelledPatient:
        process = self._runtime.process(pod, pod.template.containers[0])
        assert isinstance(process, ModelledPatient)
        return process


@asynccontextmanager
async def lab_pods(root: Path) -> AsyncIterator[Callable[[], Awaitable[ProbedPod]]]:
    """Make a lab, whose limits are enforced where that can be; what is returned starts another pod in it."""
    cgroups = Cgroups.find(lambda _: None)
    addresses, warden = Addresses(lambda _: None), Warden(root, *cgroups.paths)
    programs = Programs(root, addresses, LoopbackNetwork(addresses, random.Random(1)))
    timeline = Timeline(time.monotonic)
    runtime = ProcessRuntime(
        programs.program,
        addresses=addresses,
        warden=warden,
        cgroups=cgroups,
        outside=OutsideFaults(timeline, random.Random(1)),
        timeline=timeline,
        profile=PROFILE,
    )

    async def start() -> ProbedPod:
        pod = ProbedPod(runtime, addresses.pod_ip(), _LabGate(programs, addresses))
        await pod.start()
        return pod

    try:
        yield start
    finally:
        await runtime.close(0)
        addresses.close()
        warden.close()


def sim_pods() -> Callable[[], Awaitable[ProbedPod]]:
    """Return what starts another pod on sim, on the running loop, which is a virtual one."""
    network = SimNetwork(random.Random(1), Fixed(0.0), Fixed(0.0))
    plans = Plans(network, Timeline(asyncio.get_running_loop().time), random.Random(1), {})
    runtime = SimRuntime(plans, PROFILE)

    async def start() -> ProbedPod:
        pod = ProbedPod(runtime, network.pod_ip(), _SimGate(runtime))
        await pod.start()
        return pod

    return start
