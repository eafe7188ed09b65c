"""The faults that act from outside on containers, on any engine: each has its own, which outlive its lives."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, Generic, TypeVar

from crashy.engines.fault_driver import FaultDriver
from crashy.engines.gates import FaultGate, paths_of
from crashy.engines.outside_process import Process
from crashy.faults.base import Fault, FaultError
from crashy.faults.effects import ListenersClosed, Machine
from crashy.faults.injected import InjectedFault
from crashy.kubelet.runtime import Pod
from crashy.objects.pod import Container
from crashy.timeline import Event, Timeline, kinds


class Faulted:
    """A container of a pod, and what faults do to it from outside: to its process by the files of `effects`.

    `machine` returns what a life of it may use, None for no life.
    """

    def __init__(
        self,
        pod: Pod,
        container: Container,
        add: Callable[[str, str], None],
        *,
        rng: random.Random,
        effects: ModuleType,
        machine: Callable[[Any], Machine],
    ) -> None:
        self.container = container
        self.pod = pod
        self._add = add
        process: Process[Any] = Process(lambda line: add("Limited", line))
        self.driver = FaultDriver(rng, effects, process, self._told, lambda: machine(process.life))
        self.users = FaultGate(self.driver, "users", paths=paths_of(container))
        """The gate of users."""

    def inject(self, fault: Fault) -> InjectedFault:
        """Inject a fault; raises FaultError."""
        effect = fault.taken("outside").process_effect()
        if self.driver.process.life is None and effect is not None and not isinstance(effect, ListenersClosed):
            raise FaultError("container", f"{self.container.name} is not running")
        return self.driver.inject(fault)

    def _told(self, reason: str, fault: InjectedFault) -> None:
        self._add(reason, fault.fault.to_spec().removesuffix(" via=outside"))


F = TypeVar("F", bound=Faulted)


class OutsideFaults(ABC, Generic[F]):
    """What faults do to containers from outside, for all pods of an `engine`; random choices come from `rng`."""

    def __init__(self, engine: str, timeline: Timeline, rng: random.Random) -> None:
        self._engine = engine
        self._timeline = timeline
        self._rng = rng
        self._pods: dict[str, dict[str, Pod]] = {}  # by address and uid: those of the node's network share one
        self._faulted: dict[tuple[str, str], F] = {}  # by its pod's uid and its name
        timeline.subscribe(self._note, exclude=(kinds.LOG, kinds.PROBE, kinds.REQUEST, kinds.PROCESS))

    @abstractmethod
    def make(self, pod: Pod, container: Container, add: Callable[[str, str], None], rng: random.Random) -> F:
        """Make what faults act on; `add` puts a reason and a message on the timeline."""

    def of(self, pod: Pod, container: Container) -> F:
        """Return a container of a pod."""
        key = (pod.uid, container.name)
        if key not in self._faulted:
            self._pods.setdefault(pod.ip, {})[pod.uid] = pod

            def add(reason: str, message: str) -> None:
                kinds.FAULT.add(self._timeline.add, self._engine, pod.object, reason, message)

            self._faulted[key] = self.make(pod, container, add, random.Random(self._rng.getrandbits(64)))
        return self._faulted[key]

    def known(self, pod: Pod, container: Container) -> F | None:
        """Return a container of a pod, if it was asked for before."""
        return self._faulted.get((pod.uid, container.name))

    def ended(self, pod: Pod, container: Container) -> None:
        """Note that a container has ended, and what faults do to its process with it."""
        if faulted := self.known(pod, container):
            faulted.driver.process_ended()
            faulted.driver.process.life = None

    def recover(self, pod: Pod, which: str | None = None) -> list[InjectedFault]:
        """Take back the faults of a pod: all, those of one name, or the one with this id; return what has ended."""
        return [ended for one in self._there(pod) for ended in one.driver.recover(which)]

    def list(self, pod: Pod) -> list[InjectedFault]:
        """Return the pending and active faults of a pod."""
        return [fault for one in self._there(pod) for fault in one.driver.faults.list()]

    def let_go(self) -> None:
        """End what faults do to processes: their machine is about to stop."""
        for faulted in self._faulted.values():
            faulted.driver.process_ended()

    def close(self) -> None:
        """End every fault."""
        for key in [*self._faulted]:
            self._faulted.pop(key).driver.close()

    def _there(self, pod: Pod) -> Iterator[F]:
        for container in pod.template.containers:
            if known := self.known(pod, container):
                yield known

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
