"""Plans each container of a sim: the patient by its settings, any other as a silent process."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from crashy.controllers.environment import References, service_links, variables
from crashy.engines.sim.network import SimNetwork
from crashy.engines.sim.patient import PatientPlan
from crashy.engines.sim.process import Condition, Kernel, Plan, Refuse
from crashy.errors import BadInput
from crashy.faults.scope import Client
from crashy.kubelet.handlers.exec import expand
from crashy.kubelet.pod import is_sidecar
from crashy.kubelet.runtime import Pod, StartError
from crashy.kubelet.versions import NEWEST
from crashy.objects.images import is_patient
from crashy.objects.manifests import Manifests
from crashy.objects.pod import Container, Handler
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

    def __init__(self, network: SimNetwork, timeline: Timeline, rng: random.Random) -> None:
        self._network = network
        self._timeline = timeline
        self._rng = rng
        self._references = References()
        self._links: dict[str, dict[str, str]] = {}  # by namespace: the variables of the Services there

    def look(self, references: References) -> None:
        """Set what later lives may refer to, and which Services the network has."""
        self._references = references
        services = defaultdict(list)
        for service, ip in self._network.cluster_ips.values():
            services[service.namespace].append((service, ip))
        self._links = {namespace: service_links(near, lambda *place: place) for namespace, near in services.items()}

    def __call__(self, pod: Pod, container: Container, attempt: int) -> Plan:
        """Plan a life; see `Script`."""
        if not runs_patient(container):
            init = container in pod.template.init_containers and not is_sidecar(container, NEWEST)
            return Silent(done=init)
        chance = random.Random(self._rng.getrandbits(64))

        def log(reason: str, message: str) -> None:
            kinds.LOG.add(self._timeline.add, "sim", pod.object, reason, message, data={"container": container.name})

        settings: Settings | None = None
        try:
            settings = self._settings(pod, container)
        except StartError as error:
            return Silent(start_error=str(error))
        except BadInput as error:
            log("Refused", str(error))
        return PatientPlan(settings, pod.name, chance, log)

    def _settings(self, pod: Pod, container: Container) -> Settings:
        own = variables(pod, container, self._references, self._links.get(pod.namespace, {}))
        words = [expand(word, own) for word in (*container.command, *container.args)]
        flags = words[words.index("serve") + 1 :] if words else ()
        return load(flags, IMAGE | own)


def runs_patient(container: Container) -> bool:
    """Return whether a container is the patient: its image, without another command than `crashy serve`."""
    words = [*container.command, *container.args]
    serves = words[:1] == ["serve"] if not container.command else words[:2] == ["crashy", "serve"]
    return is_patient(container.image) and (serves or not words)


def notes(manifests: Manifests) -> Iterator[str]:
    """Return a line for each container that is not modelled as what it is."""
    templates = [(workload.object, workload.template) for workload in manifests.workloads]
    for owner, template in templates:
        for container in (*template.init_containers, *template.containers):
            if runs_patient(container):
                continue
            what = "runs without responding; commands in it succeed"
            if container in template.init_containers and not is_sidecar(container, NEWEST):
                what = "ends at once with code 0"
            yield f"{owner} {container.name}: modelled as a process that {what}"
