"""The faults that act from outside on the containers of a lab."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from crashy.engines import outside_faults
from crashy.engines.gates import PROBES, FaultGate
from crashy.engines.images import is_proxy, led
from crashy.engines.lab import outside
from crashy.engines.lab.container_machine import ContainerMachine
from crashy.engines.lab.dialling import gated
from crashy.engines.lab.started import Running
from crashy.engines.ways import default_container
from crashy.kubelet.handlers.dial import Dial
from crashy.kubelet.runtime import Pod
from crashy.objects.pod import GRPC, Container, Probe, ProbeType
from crashy.timeline import Timeline


class Faulted(outside_faults.Faulted):
    """A container of a pod, and what faults do to it from outside."""

    def probing(
        self, dial: Dial, probe: Probe | None = None, kind: ProbeType | None = None
    ) -> AbstractAsyncContextManager[Dial]:
        """Return how the kubelet dials the container, for a probe or for a hook, while the context is open."""
        gate = FaultGate(self.driver, "kubelet", PROBES[kind] if kind else None)
        return gated(dial, self.pod.ip, gate, "grpc" if probe and isinstance(probe.handler, GRPC) else "any")


class OutsideFaults(outside_faults.OutsideFaults[Faulted]):
    """What faults do to containers from outside, for all pods of a lab; random choices come from `rng`."""

    def __init__(self, timeline: Timeline, rng: random.Random) -> None:
        super().__init__("lab", timeline, rng)

    def make(self, pod: Pod, container: Container, add: Callable[[str, str], None], rng: random.Random) -> Faulted:
        """Make what faults act on."""
        return Faulted(pod, container, add, rng=rng, effects=outside, machine=ContainerMachine.of)

    def began(self, pod: Pod, container: Container, life: Running) -> None:
        """Note that a container has started."""
        self.of(pod, container).driver.process.life = life

    def users_gate(self, ip: str, port: int) -> FaultGate | None:
        """Return the gate of users before what listens there: the container that declares the port, or the pod's own.

        None where no container has started yet.
        """
        pods = [*self._pods.get(ip, {}).values()]
        for pod in pods:
            containers = pod.template.containers
            for proxy in filter(is_proxy, containers):
                port = led(proxy, port)
            for container in containers:
                if any(one.container_port == port for one in container.ports):
                    return self.of(pod, container).users
        return self.of(pods[-1], default_container(pods[-1].template)).users if pods else None
