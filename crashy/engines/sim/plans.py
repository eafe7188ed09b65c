"""How each container of a sim goes: the patient as its settings have it, any other as a healthy app's stand-in."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crashy.controllers.cluster import Cluster
from crashy.controllers.environment import References, service_links, variables
from crashy.engines.images import plays, program, runs_once, runs_patient
from crashy.engines.sim.dependencies import World
from crashy.engines.sim.external import Asks, External
from crashy.engines.sim.files import ContainerFiles, Files
from crashy.engines.sim.network import SimNetwork
from crashy.engines.sim.patient import PatientPlan
from crashy.engines.sim.process import Condition, Kernel, Plan, Refuse
from crashy.engines.sim.standin import StandInPlan
from crashy.errors import BadInput
from crashy.faults.scope import Client
from crashy.kubelet.handlers.exec import expand
from crashy.kubelet.runtime import Pod, StartError
from crashy.objects.limits import limits
from crashy.objects.pod import Container, Handler
from crashy.objects.standin import Models, ends, model_of, ports, tls_ports
from crashy.patient import shell
from crashy.patient.flags import play
from crashy.patient.settings import IMAGE, Settings, load
from crashy.timeline import Timeline, kinds


@dataclass(frozen=True, slots=True)
class Silent:
    """A life without responses: it ends at SIGTERM, or with `done` at once with code 0."""

    done: bool = False
    start_error: str = ""
    start_seconds: float = 0.07

    def begin(self, kernel: Kernel) -> _Silence:
        """Begin the life now."""
        if self.done:
            kernel.call_at(kernel.now(), lambda: kernel.exit(0))
        return _Silence(kernel, 0 if self.done else 143)


@dataclass(frozen=True, slots=True)
class _Silence:
    kernel: Kernel
    term_code: int

    def listens(self, port: int) -> bool:
        return False

    async def respond(self, handler: Handler, port: int, within: float, client: Client) -> Condition:
        return Refuse()

    def terminate(self) -> None:
        self.kernel.call_at(self.kernel.now(), lambda: self.kernel.exit(self.term_code))

    def ended(self) -> None:
        pass


class Plans:
    """Makes the plan of each life; random choices come from `rng`, their logs go to the timeline."""

    def __init__(self, network: SimNetwork, timeline: Timeline, rng: random.Random, models: Models) -> None:
        self._network = network
        self._timeline = timeline
        self._rng = rng
        self._models = models
        self._volumes: dict[tuple[str, str], Files] = {}  # by the pod's uid and the name, a claim's by its namespace
        self._cluster: Cluster | None = None
        self._ask: Asks | None = None
        self._external: External | None = None
        self._references = References()
        self._links: dict[str, dict[str, str]] = {}  # by namespace: the variables of the Services there

    def connect(self, cluster: Cluster, ask: Asks, external: External) -> None:
        """Let patients reach what they depend on in the cluster, and elsewhere."""
        self._cluster, self._ask, self._external = cluster, ask, external

    def look(self, references: References) -> None:
        """Set what later lives may refer to, and which Services the network has."""
        self._references = references
        services = defaultdict(list)
        for service, ip in self._network.cluster_ips.values():
            services[service.namespace].append((service, ip))
        self._links = {namespace: service_links(near, lambda *place: place) for namespace, near in services.items()}

    def __call__(self, pod: Pod, container: Container, attempt: int) -> Plan:
        """Plan a life; see `Script`."""
        patient, template = runs_patient(container), pod.template
        command = () if patient else program(container)
        init = runs_once(template, container)
        if init and not patient and not command:
            return Silent(done=True)
        chance = random.Random(self._rng.getrandbits(64))
        volumes = {str(one["name"]): self._volumes.setdefault(_key(pod, one), {}) for one in template.volumes}
        app = not patient and bool(not command or shell.others(command))
        files = ContainerFiles(volumes, container.volume_mounts, lambda _: app)

        def log(reason: str, message: str) -> None:
            kinds.LOG.add(self._timeline.add, "sim", pod.object, reason, message, data={"container": container.name})

        if not patient:
            model = model_of(template, container, self._models)
            listens, tls, once = ports(template, container), tls_ports(container), ends(template)
            return StandInPlan(
                container, command, listens, tls, model, files, pod.name, chance, log, ends=once, init=init
            )
        settings: Settings | None = None
        try:
            settings = self._settings(pod, container)
        except StartError as error:
            return Silent(start_error=str(error))
        except BadInput as error:
            log("Refused", str(error))
        world = None
        if self._cluster and self._ask and self._external:
            world = World(self._cluster, self._ask, pod.namespace, self._network.cluster_ips, self._external)
        bounds = limits(container, pod.template.volumes)
        return PatientPlan(settings, pod.name, chance, log, limits=bounds, files=files, world=world)

    def _settings(self, pod: Pod, container: Container) -> Settings:
        own = variables(pod, container, self._references, self._links.get(pod.namespace, {}))
        if app := plays(container):
            given = IMAGE | own
            return load((), {**given, **play([expand(word, own) for word in app], given).variables})
        words = [expand(word, own) for word in (*container.command, *container.args)]
        flags = words[words.index("serve") + 1 :] if words else ()
        return load(flags, IMAGE | own)


def _key(pod: Pod, volume: Mapping[str, Any]) -> tuple[str, str]:
    claim = volume.get("persistentVolumeClaim")
    return (pod.namespace, claim["claimName"]) if claim else (pod.uid, volume["name"])
