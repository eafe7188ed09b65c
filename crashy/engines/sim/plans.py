"""How each container of a sim goes: the patient as its settings have it, any other as a healthy app's stand-in."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from crashy.controllers.environment import References, service_links, variables
from crashy.engines.sim.files import ContainerFiles, Volumes
from crashy.engines.sim.network import SimNetwork
from crashy.engines.sim.patient import PatientPlan
from crashy.engines.sim.process import Condition, Kernel, Plan, Refuse
from crashy.engines.sim.standin import StandInPlan
from crashy.errors import BadInput
from crashy.faults.scope import Client
from crashy.kubelet.handlers.exec import expand
from crashy.kubelet.pod import is_sidecar
from crashy.kubelet.runtime import Pod, StartError
from crashy.kubelet.versions import NEWEST
from crashy.objects.images import is_patient
from crashy.objects.manifests import Manifests
from crashy.objects.pod import Container, Exec, Handler, ProbeType
from crashy.objects.standin import DEFAULT, JOB_LABEL, JOB_RUN, Model, Models, model_of, ports
from crashy.patient import shell
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
        self._volumes: dict[str, Volumes] = {}  # by the pod's uid
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
        patient, template = runs_patient(container), pod.template
        command = () if patient else program(container)
        init = container in template.init_containers and not is_sidecar(container, NEWEST)
        if init and not patient and not command:
            return Silent(done=True)
        chance = random.Random(self._rng.getrandbits(64))
        volumes = self._volumes.setdefault(pod.uid, {}) if template.volumes else {}
        app = not patient and bool(not command or shell.others(command))
        files = ContainerFiles(volumes, container.volume_mounts, lambda _: app)

        def log(reason: str, message: str) -> None:
            kinds.LOG.add(self._timeline.add, "sim", pod.object, reason, message, data={"container": container.name})

        if not patient:
            model = model_of(template, container, self._models)
            ends = JOB_LABEL in template.labels and template.restart_policy != "Always"
            listens = ports(template, container)
            return StandInPlan(container, command, listens, model, files, pod.name, chance, log, ends=ends, init=init)
        settings: Settings | None = None
        try:
            settings = self._settings(pod, container)
        except StartError as error:
            return Silent(start_error=str(error))
        except BadInput as error:
            log("Refused", str(error))
        return PatientPlan(settings, pod.name, chance, log, files=files)

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


def program(container: Container) -> tuple[str, ...]:
    """Return what a container runs in the place of its image's own program; empty where it doesn't say.

    `args` without a command are for the image's own program, but where that can only be a shell's: a command in them
    stands for an image without a program of its own.
    """
    if container.command or (container.args and shell.known(container.args)):
        return (*container.command, *container.args)
    return ()


def notes(manifests: Manifests, models: Models) -> Iterator[str]:
    """Return a line that says which containers are stand-ins, and which of their commands are taken to succeed."""
    images: dict[str, Model] = {}
    beyond: dict[str, None] = {}
    jobs = False
    for workload in manifests.workloads:
        template = workload.template
        for container in (*template.init_containers, *template.containers):
            for command in _commands(container):
                beyond |= dict.fromkeys(shell.others(command))
            main = program(container)
            init = container in template.init_containers and not is_sidecar(container, NEWEST)
            if not runs_patient(container) and not init and (not main or shell.others(main)):
                images[container.image] = model_of(template, container, models)
                jobs = jobs or "Job" in workload.kind
    if images:
        told = ", ".join(f"{image} ({model})" if model != DEFAULT else image for image, model in images.items())
        ends = f"; a Job's ends well after {JOB_RUN}, or its model's run" if jobs else ""
        yield (
            "stand-ins, healthy apps that answer on the ports that are declared or probed, without their manifests' "
            f"limits: {told}{ends}"
        )
    if beyond:
        yield f"commands taken to succeed while their app is well: {', '.join(beyond)}"


def _commands(container: Container) -> Iterator[tuple[str, ...]]:
    """Yield the commands that are run beside a container's own."""
    probes = [container.probe(kind) for kind in ProbeType]
    hooks = (container.lifecycle.post_start, container.lifecycle.pre_stop)
    for handler in (*(probe.handler for probe in probes if probe), *hooks):
        if isinstance(handler, Exec) and not (is_patient(container.image) and "/app/is_" in handler.command[-1]):
            yield handler.command
