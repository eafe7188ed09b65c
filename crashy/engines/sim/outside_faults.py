"""The faults that act from outside on modelled containers."""

from __future__ import annotations

import random
from collections.abc import Callable

from crashy.engines import outside_faults
from crashy.engines.gates import PROBES, FaultGate
from crashy.engines.outside_faults import Faulted
from crashy.engines.sim import outside
from crashy.engines.sim.life import ModelledLife
from crashy.engines.sim.process import Process
from crashy.faults.effects import Machine
from crashy.kubelet.runtime import Pod
from crashy.objects.pod import Container, Probe
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


def kubelets_gate(faulted: Faulted, probe: Probe | None) -> FaultGate:
    """Return the gate before a container for one of its probes, or for a hook."""
    name = next((name for kind, name in PROBES.items() if faulted.container.probe(kind) is probe), None)
    return FaultGate(faulted.driver, "kubelet", name if probe else None)


def _machine(life: ModelledLife) -> Machine:
    return life.process
