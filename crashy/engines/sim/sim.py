"""The sim: a cluster of modelled containers, as an engine; on a `VirtualLoop` hours of it pass in moments."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import MappingProxyType

from crashy.controllers.cluster import Cluster
from crashy.controllers.environment import References
from crashy.engines.clustered import ClusteredEngine
from crashy.engines.images import program, runs_patient
from crashy.engines.ingress import NO_ENDPOINT, passed_on
from crashy.engines.propagation import AT_ONCE
from crashy.engines.service_faults import ServiceFaults
from crashy.engines.sim import outside as outside_effects
from crashy.engines.sim.external import External
from crashy.engines.sim.external import refusal as service_refusal
from crashy.engines.sim.network import SimNetwork
from crashy.engines.sim.outside_faults import OutsideFaults
from crashy.engines.sim.patient import ModelledPatient
from crashy.engines.sim.plans import Plans
from crashy.engines.sim.process import Condition, Cut, Refuse, Reset, Truncated
from crashy.engines.sim.runtime import SimRuntime
from crashy.engines.ways import container_called, default_container, refusal
from crashy.errors import BadInput
from crashy.faults.base import Fault, FaultError, parse_spec
from crashy.fields.units import Distribution, Uniform
from crashy.kubelet.runtime import Pod
from crashy.kubelet.versions import NEWEST, Profile
from crashy.objects.config import ConfigMap, Secret
from crashy.objects.images import ImageCommands, command_of
from crashy.objects.manifests import Manifests
from crashy.objects.pod import HTTPGet, PodTemplate
from crashy.objects.references import MAX_PODS
from crashy.objects.service import Service, ServicePort
from crashy.objects.standin import Models
from crashy.patient.answers import Answer
from crashy.timeline import Timeline, kinds
from crashy.traffic.connection import Reply


class SimEngine(ClusteredEngine):
    """Runs manifests as models; made by `running`."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        runtime: SimRuntime,
        outside: OutsideFaults,
        services: ServiceFaults,
        external: External,
        network: SimNetwork,
        plans: Plans,
        timeline: Timeline,
        images: ImageCommands,
    ) -> None:
        super().__init__(cluster, network, services)
        self._images = images
        self._outside = outside
        self._external = external
        self._runtime = runtime
        self._network = network
        self._plans = plans
        self._timeline = timeline
        self._config_maps: dict[tuple[str, str], ConfigMap] = {}
        self._secrets: dict[tuple[str, str], Secret] = {}

    async def apply(self, manifests: Manifests) -> None:
        """Start what the manifests describe; raises BadInput where that can't be, with nothing changed."""
        self._cluster.check(manifests)
        self._config_maps |= {(o.namespace, o.name): o for o in manifests.config_maps}
        self._secrets |= {(o.namespace, o.name): o for o in manifests.secrets}
        for service in manifests.services:
            self._network.add(service)
        self._plans.look(References(self._config_maps.values(), self._secrets.values()))
        self._cluster.apply(manifests)

    def takes_faults(self, pod: Pod) -> bool:
        """Return True: a program of its own takes them from outside."""
        return True

    def refusal(self, template: PodTemplate, fault: Fault, container: str = "") -> str:
        """Return why a container of such pods can't take a fault, and what would do; empty if it can."""
        if why := refusal(template, fault, container, patient=self._is_patient(template, container)):
            return why
        effect = fault.process_effect()
        return f"{fault.name}: not on sim: {effect.not_on_sim}" if effect and effect.not_on_sim else ""

    async def inject(self, pod: Pod, spec: str, container: str = "") -> None:
        """Inject a fault spec into a container of a pod; what became of it is on the timeline."""
        kinds.FAULT.add(self._timeline.add, "sim", pod.object, "Injected", spec)
        try:
            failure = self._take(pod, parse_spec(spec), container)
        except FaultError as error:
            failure = str(error)
        if failure:
            kinds.FAULT.add(self._timeline.add, "sim", pod.object, "NotInjected", f"{spec}: {failure}")

    def _take(self, pod: Pod, fault: Fault, name: str) -> str:
        """Inject a fault; return why that fails, or an empty text. Raises FaultError."""
        if why := self.refusal(pod.template, fault, name):
            return why
        container = container_called(pod.template, name) or default_container(pod.template)
        process = self._runtime.process(pod, container)
        if not isinstance(process, ModelledPatient):
            return "no process runs in the pod"
        if fault.way(patient=self._is_patient(pod.template, name)) == "inside":
            return process.inject(fault, "admin")
        faulted = self._outside.of(pod, container)
        faulted.driver.process.life = process
        faulted.inject(fault)
        return ""

    def _is_patient(self, template: PodTemplate, name: str) -> bool:
        """Return whether crashy itself runs in a container where there are processes, and no program of its own."""
        container = container_called(template, name)
        if container is None or command_of(container.image, self._images) is not None:
            return False
        return runs_patient(container) or not program(container)

    async def recover(self, pod: Pod, which: str = "all") -> None:
        """Take back all faults of a pod, or those of one name; what became of it is on the timeline."""
        name = None if which == "all" else which
        self._outside.recover(pod, name)
        running = [self._runtime.process(pod, container) for container in pod.template.containers]
        patients = [process for process in running if isinstance(process, ModelledPatient)]
        failures = [failure for failure in (patient.recover(name) for patient in patients) if failure]
        failure = "; ".join(failures) if patients else "no process runs in the pod"
        reason, rest = ("NotRecovered", f": {failure}") if failure else ("Recovered", "")
        kinds.FAULT.add(self._timeline.add, "sim", pod.object, reason, which + rest)

    def service_refusal(self, service: Service, fault: Fault) -> str:
        """Return why a fault can't act on the connections to a Service, and what would do; empty if it can."""
        return service_refusal(service, fault)

    async def exec(self, pod: Pod, container: str, command: tuple[str, ...], timeout: float) -> str:
        """Return that commands are not modelled."""
        del pod, container, command, timeout
        return "not run: sim models no commands"

    async def ask(
        self, service: Service, port: ServicePort, path: str, timeout: float, *, ingress: bool = False
    ) -> Reply:
        """Send a request to a Service, on a connection of its own to an endpoint chosen by chance."""
        if service.type == "ExternalName":
            return _reply(
                await self._external.respond(service, port.port, HTTPGet(port.port, path or "/"), timeout), ""
            )
        place = self._network.balancer(ingress=ingress).choose(service.namespace, service.name, port.port)
        if place is None:
            return NO_ENDPOINT if ingress else Reply(failure="reset")  # as the lab's proxy does
        ip, number = place
        pod = self._runtime.pod_at(ip)
        reply = _reply(await self._runtime.ask(ip, HTTPGet(number, path or "/"), number, timeout), pod)
        return passed_on(reply) if ingress else reply


def _reply(condition: Condition, pod: str) -> Reply:
    match condition:
        case Answer(status, body):
            return Reply(status, condition.pod or pod, "", body.encode())
        case Refuse() | Cut() | Reset():
            return Reply(failure="reset")
        case Truncated(status):
            return Reply(status, pod, "truncated")
    return Reply(failure="timeout")


@asynccontextmanager
async def running(
    timeline: Timeline,
    *,
    rng: random.Random,
    profile: Profile = NEWEST,
    max_pods: int = MAX_PODS,
    models: Models = MappingProxyType({}),
    images: ImageCommands = MappingProxyType({}),
    propagation: Distribution | None = None,
    ingress: Distribution = AT_ONCE,
) -> AsyncIterator[SimEngine]:
    """Make a sim on the running loop's time, and end it with the body; all that is drawn comes from `rng`.

    `models` says how the stand-ins of other images go, but where a pod's annotation does, `images` which of them would
    be a program of their own in a lab; `propagation` and `ingress` how much later than the endpoints the Services'
    proxies (by default as `profile` says) and an ingress change.
    """
    # One draw, and the network's stream from it, as the lab's: the same seed gives both the same names and choices.
    chance = rng.getrandbits(64)
    network = SimNetwork(random.Random(chance), propagation or Uniform(*profile.propagation), ingress)
    plans = Plans(network, timeline, random.Random(~chance), models)
    outside = OutsideFaults(timeline, random.Random(f"outside {chance}"))
    services = ServiceFaults("sim", timeline, random.Random(f"services {chance}"), outside_effects)
    runtime = SimRuntime(plans, profile, outside)
    refused: BadInput | None = None
    with _rare_collections():
        async with asyncio.TaskGroup() as tasks:
            cluster = Cluster(runtime, network, timeline, tasks, profile=profile, rng=rng, max_pods=max_pods)
            drawn = random.Random(f"elsewhere {chance}")
            external = External(cluster, runtime.ask, network.cluster_ips, services.gate, drawn)
            plans.connect(cluster, runtime.ask, external)
            try:
                yield SimEngine(
                    cluster,
                    runtime=runtime,
                    outside=outside,
                    services=services,
                    external=external,
                    network=network,
                    plans=plans,
                    timeline=timeline,
                    images=images,
                )
            except BadInput as error:  # as it is, not in the group's wrapping
                refused = error
            finally:
                outside.close()
                services.close()
                cluster.stop()
    if refused:
        raise refused


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Collect garbage rarely: there is little of it, and to look through what thousands of pods have takes long."""
    before = gc.get_threshold()
    gc.set_threshold(50_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
