"""The faults that act from outside on the containers of a lab: each container of a pod has its own, over its lives."""

from __future__ import annotations

import random
from contextlib import AbstractAsyncContextManager

from crashy.engines.lab.container_machine import ContainerMachine
from crashy.engines.lab.dialling import gated
from crashy.engines.lab.fault_driver import FaultDriver
from crashy.engines.lab.gates import PROBES, FaultGate, paths_of
from crashy.engines.lab.outside import Process
from crashy.engines.lab.started import Running
from crashy.engines.ways import default_container
from crashy.faults.base import Fault, FaultError
from crashy.faults.effects import ListenersClosed
from crashy.faults.injected import InjectedFault
from crashy.kubelet.handlers.dial import Dial
from crashy.kubelet.runtime import Pod
from crashy.objects.pod import GRPC, Container, Probe, ProbeType
from crashy.timeline import Event, Timeline, kinds


class Faulted:
    """A container of a pod, and what faults do to it from outside."""

    def __init__(self, pod: Pod, container: Container, timeline: Timeline, rng: random.Random) -> None:
        self.container = container
        self._pod = pod
        self._timeline = timeline
        process = Process(lambda line: self._add("Limited", line))
        self.driver = FaultDriver(rng, process, self._told, lambda: ContainerMachine(process.life))
        self.users = FaultGate(self.driver, "users", paths=paths_of(container))
        """The gate of users."""

    def inject(self, fault: Fault) -> InjectedFault:
        """Inject a fault; raises FaultError."""
        effect = fault.taken("outside").process_effect()
        if self.driver.process.life is None and effect is not None and not isinstance(effect, ListenersClosed):
            raise FaultError("container", f"{self.container.name} is not running")
        return self.driver.inject(fault)

    def probing(
        self, dial: Dial, probe: Probe | None = None, kind: ProbeType | None = None
    ) -> AbstractAsyncContextManager[Dial]:
        """Return how the kubelet dials the container, for a probe or for a hook, while the context is open."""
        gate = FaultGate(self.driver, "kubelet", PROBES[kind] if kind else None)
        return gated(dial, self._pod.ip, gate, "grpc" if probe and isinstance(probe.handler, GRPC) else "any")

    def _told(self, reason: str, fault: InjectedFault) -> None:
        self._add(reason, fault.fault.to_spec().removesuffix(" via=outside"))

    def _add(self, reason: str, message: str) -> None:
        kinds.FAULT.add(self._timeline.add, "lab", self._pod.object, reason, message)


class OutsideFaults:
    """What faults do to containers from outside, for all pods of a lab; random choices come from `rng`."""

    def __init__(self, timeline: Timeline, rng: random.Random) -> None:
        self._timeline = timeline
        self._rng = rng
        self._pods: dict[str, dict[str, Pod]] = {}  # by address and uid: those of the node's network share one
        self._faulted: dict[tuple[str, str], Faulted] = {}  # by its pod's uid and its name
        timeline.subscribe(self._note, exclude=(kinds.LOG, kinds.PROBE, kinds.REQUEST, kinds.PROCESS))

    def of(self, pod: Pod, container: Container) -> Faulted:
        """Return a container of a pod."""
        key = (pod.uid, container.name)
        if key not in self._faulted:
            self._pods.setdefault(pod.ip, {})[pod.uid] = pod
            rng = random.Random(self._rng.getrandbits(64))
            self._faulted[key] = Faulted(pod, container, self._timeline, rng)
        return self._faulted[key]

    def began(self, pod: Pod, container: Container, life: Running) -> None:
        """Note that a container has started."""
        self.of(pod, container).driver.process.life = life

    def ended(self, pod: Pod, container: Container) -> None:
        """Note that a container has ended, and what faults do to its process with it."""
        driver = self.of(pod, container).driver
        driver.process_ended()
        driver.process.life = None

    def users_gate(self, ip: str, port: int) -> FaultGate | None:
        """Return the gate of users before what listens there: the container that declares the port, or the pod's own.

        None where no container has started yet.
        """
        pods = [*self._pods.get(ip, {}).values()]
        for pod in pods:
            for container in pod.template.containers:
                if any(one.container_port == port for one in container.ports):
                    return self.of(pod, container).users
        return self.of(pods[-1], default_container(pods[-1].template)).users if pods else None

    def recover(self, pod: Pod, which: str | None = None) -> list[InjectedFault]:
        """Take back the faults of a pod: all, those of one name, or the one with this id; return what has ended."""
        there = [self._faulted.get((pod.uid, container.name)) for container in pod.template.containers]
        return [ended for one in there if one for ended in one.driver.recover(which)]

    def list(self, pod: Pod) -> list[InjectedFault]:
        """Return the pending and active faults of a pod."""
        there = [self._faulted.get((pod.uid, container.name)) for container in pod.template.containers]
        return [fault for one in there if one for fault in one.driver.faults.list()]

    def let_go(self) -> None:
        """End what faults do to processes: their machine is about to stop."""
        for faulted in self._faulted.values():
            faulted.driver.process_ended()

    def close(self) -> None:
        """End every fault."""
        for key in [*self._faulted]:
            self._faulted.pop(key).driver.close()

    def _note(self, event: Event) -> None:
        if event.kind == kinds.POD and event.reason == "Deleted":
            for pod in [*self._pods.get(event.data["ip"], {}).values()]:
                if (pod.object, pod.namespace) == (event.object, event.data["namespace"]):
                    self._forget(pod)

    def _forget(self, pod: Pod) -> None:
        there = self._pods[pod.ip]
        del there[pod.uid]
        if not there:
            del self._pods[pod.ip]
        for key in [key for key in self._faulted if key[0] == pod.uid]:
            self._faulted.pop(key).driver.close()
