"""The faults that act from outside on modelled containers."""

from __future__ import annotations

import random
from collections.abc import Callable

from crashy.engines import outside_faults
from crashy.engines.gates import FaultGate
from crashy.engines.outside_faults import Faulted
from crashy.engines.sim import outside
from crashy.engines.sim.life import ModelledLife
from crashy.engines.sim.process import Process
from crashy.faults.effects import Machine
from crashy.faults.scope import Client, ProbeName
from crashy.kubelet.runtime import Pod
from crashy.objects.pod import Container
from crashy.timeline import Timeline


class OutsideFaults(outside_faults.OutsideFaults[Faulted]):
    """What faults do to containers from outside, for all pods of a sim; random choices come from `rng`.

    A container costs nothing before its first fault.
    """

    def __init__(self, timeline: Timeline, rng: random.Random) -> None:
        super().__init__("sim", timeline, rng)

    def make(self, pod: Pod, container: Container, add: Callable[[str, str], None], rng: random.Random) -> Faulted:
        """Make what faults act on."""
        return Faulted(pod, container, add, rng=rng, effects=outside, machine=_machine)

    def began(self, pod: Pod, container: Container, process: Process) -> None:
        """Note that a container runs in this life."""
        if faulted := self.known(pod, container):
            faulted.driver.process.life = process if isinstance(process, ModelledLife) else None

    def gate(self, pod: Pod, container: Container, client: Client, probe: ProbeName | None) -> FaultGate | None:
        """Return the gate of these clients, who ask for a probe or by its path; None where no fault was ever."""
        faulted = self.known(pod, container)
        if faulted is None:
            return None
        return faulted.users if client == "users" else FaultGate(faulted.driver, client, probe)


def _machine(life: ModelledLife) -> Machine:
    return life.process
