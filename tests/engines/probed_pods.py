"""Pods in a lab and on sim that take faults, inside or from outside."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

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
from crashy.engines.sim.outside_faults import OutsideFaults as SimOutsideFaults
from crashy.engines.sim.patient import ModelledPatient
from crashy.engines.sim.plans import Plans
from crashy.engines.sim.runtime import SimRuntime
from crashy.engines.sim.sim import _reply
from crashy.faults.base import FaultError, parse_spec
from crashy.faults.probed import KINDS
from crashy.faults.scope import Way
from crashy.fields.units import Fixed
from crashy.kubelet.runtime import Pod
from crashy.objects.document import Source
from crashy.objects.pod import HTTPGet, PodTemplate
from crashy.objects.service import Service, ServicePort
from crashy.timeline import Timeline
from crashy.traffic.connection import Reply
from crashy.traffic.request import Target
from crashy.traffic.request import ask as send
from tests.engines.probed_pod import PATIENCE, PROFILE, FourPods, Gate, ProbedPod, template


class _InsideGate:
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


class _OutsideGate:
    """What acts on the pods' processes and connections."""

    def __init__(self, outside: OutsideFaults) -> None:
        self._outside = outside

    async def inject(self, pod: Pod, spec: str) -> None:
        try:
            self._outside.of(pod, pod.template.containers[0]).inject(parse_spec(spec))
        except FaultError as error:
            raise NotDoneError(str(error)) from None

    async def recover(self, pod: Pod) -> None:
        self._outside.recover(pod)


class _SimGate:
    """The modelled process itself."""

    def __init__(self, runtime: SimRuntime) -> None:
        self._runtime = runtime

    async def inject(self, pod: Pod, spec: str) -> None:
        try:
            refused = self._process(pod).inject(parse_spec(spec), "admin")
        except FaultError as error:
            refused = str(error)
        if refused:
            raise NotDoneError(refused)

    async def recover(self, pod: Pod) -> None:
        if refused := self._process(pod).recover():
            raise NotDoneError(refused)

    def _process(self, pod: Pod) -> ModelledPatient:
        process = self._runtime.process(pod, pod.template.containers[0])
        assert isinstance(process, ModelledPatient)
        return process


class _SimOutsideGate(_SimGate):
    """What acts on modelled processes and on what passes."""

    def __init__(self, runtime: SimRuntime, outside: SimOutsideFaults) -> None:
        super().__init__(runtime)
        self._outside = outside

    async def inject(self, pod: Pod, spec: str) -> None:
        try:
            faulted = self._outside.of(pod, pod.template.containers[0])
            faulted.driver.process.life = self._process(pod)
            faulted.inject(parse_spec(spec))
        except FaultError as error:
            raise NotDoneError(str(error)) from None

    async def recover(self, pod: Pod) -> None:
        self._outside.recover(pod)


@asynccontextmanager
async def lab_pods(root: Path, way: Way = "inside") -> AsyncIterator[Callable[[], Awaitable[ProbedPod]]]:
    """Make a lab, whose limits are enforced where that can be; what is returned starts another pod in it."""
    cgroups = Cgroups.find(lambda _: None)
    addresses, warden = Addresses(lambda _: None), Warden(root, *cgroups.paths)
    timeline = Timeline(time.monotonic)
    outside = OutsideFaults(timeline, random.Random(1))
    network = LoopbackNetwork(addresses, random.Random(1), gate=outside.users_gate)
    programs = Programs(root, addresses, network)
    runtime = ProcessRuntime(
        programs.program,
        addresses=addresses,
        warden=warden,
        cgroups=cgroups,
        outside=outside,
        timeline=timeline,
        profile=PROFILE,
    )
    gate: Gate = _InsideGate(programs, addresses) if way == "inside" else _OutsideGate(outside)

    async def ask(pod: Pod, path: str) -> Reply:
        return await send(Target.of(network.url(*_service(pod)) + path), PATIENCE)

    async def start() -> ProbedPod:
        pod = _pod(addresses.pod_ip(), template(way))
        service, port = _service(pod)
        await network.open([service])
        network.publish(service, {port.port: [(pod.ip, 8080)]})
        probed = ProbedPod(runtime, gate, ask, pod, way)
        await probed.start()
        return probed

    try:
        yield start
    finally:
        outside.close()
        await runtime.close(0)
        network.close()
        warden.close()


def sim_pods(way: Way = "inside") -> Callable[[], Awaitable[ProbedPod | FourPods]]:
    """Return what starts another pod on sim, on the running loop, which is a virtual one."""
    network = SimNetwork(random.Random(1), Fixed(0.0), Fixed(0.0))
    plans = Plans(network, Timeline(asyncio.get_running_loop().time), random.Random(1), {})
    outside = SimOutsideFaults(Timeline(asyncio.get_running_loop().time), random.Random(1))
    runtime = SimRuntime(plans, PROFILE, outside)
    gate = _SimGate(runtime) if way == "inside" else _SimOutsideGate(runtime, outside)

    async def ask(pod: Pod, path: str) -> Reply:
        return _reply(await runtime.ask(pod.ip, HTTPGet(8080, path), 8080, PATIENCE), pod.name)

    async def start() -> ProbedPod | FourPods:
        probed: ProbedPod | FourPods
        if way == "inside":
            probed = ProbedPod(runtime, gate, ask, _pod(network.pod_ip(), template(way)), way)
        else:
            pods = {kind: _pod(network.pod_ip(), template(way, kind)) for kind in KINDS}
            probed = FourPods({kind: ProbedPod(runtime, gate, ask, pod, way, (kind,)) for kind, pod in pods.items()})
        await probed.start()
        return probed

    return start


def _pod(ip: str, template: PodTemplate) -> Pod:
    return Pod("web", "default", f"uid-{ip}", ip, template)


def _service(pod: Pod) -> tuple[Service, ServicePort]:
    """Return the Service by which users reach a pod."""
    port = ServicePort("", 80, 8080)
    name = f"web-{pod.ip.replace('.', '-')}"
    return Service(name, "default", "ClusterIP", {}, (port,), False, Source("", 0)), port
