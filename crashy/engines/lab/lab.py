"""The lab: a cluster of processes on this machine, as an engine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from crashy.controllers.apply import Verb
from crashy.controllers.base import PodView
from crashy.controllers.cluster import Cluster
from crashy.controllers.environment import References
from crashy.engines.admin import TIMEOUT, NotDoneError, problem
from crashy.engines.clustered import ClusteredEngine
from crashy.engines.lab.addresses import Addresses
from crashy.engines.lab.container_machine import ContainerMachine
from crashy.engines.lab.metrics import measure
from crashy.engines.lab.network import LoopbackNetwork
from crashy.engines.lab.outside_faults import OutsideFaults
from crashy.engines.lab.program import Programs
from crashy.engines.lab.runtime import ProcessRuntime
from crashy.engines.lab.standin import post
from crashy.engines.lab.users import Users
from crashy.engines.service_faults import ServiceFaults
from crashy.engines.service_faults import refusal as service_refusal
from crashy.engines.ways import container_called, default_container, refusal
from crashy.faults.base import Fault, FaultError, parse_spec
from crashy.faults.injected import InjectedFault
from crashy.faults.kinds.cpu import CpuLoad
from crashy.faults.kinds.memory import MemoryGrowth
from crashy.kubectl.top import PodUsage
from crashy.kubelet.runtime import Pod, StartError
from crashy.objects.document import Document
from crashy.objects.images import is_patient
from crashy.objects.kinds import KINDS
from crashy.objects.limits import limits
from crashy.objects.manifests import Manifests, chosen, key_of, merged, read
from crashy.objects.pod import Container, PodTemplate
from crashy.objects.service import Service, ServicePort
from crashy.objects.workload import Key
from crashy.patient import APP_PORT
from crashy.timeline import Timeline, kinds
from crashy.traffic.connection import Reply


@dataclass(frozen=True, slots=True)
class Updated:
    """The outcome of each applied object (`service/web configured`), and warnings."""

    lines: list[str]
    warnings: list[str]


class LabEngine(ClusteredEngine):
    """Runs manifests as processes of this machine; made by `running.running`."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        network: LoopbackNetwork,
        addresses: Addresses,
        programs: Programs,
        runtime: ProcessRuntime,
        outside: OutsideFaults,
        services: ServiceFaults,
        why_not: Callable[[str], str],
        timeline: Timeline,
    ) -> None:
        super().__init__(cluster, network, services)
        self._runtime = runtime
        self._network = network
        self._addresses = addresses
        self._programs = programs
        self._outside = outside
        self._users = Users(network, addresses, outside, self.pods)
        self._why_not = why_not
        self._timeline = timeline
        self._manifests = Manifests()
        self._applying = asyncio.Lock()

    async def apply(self, manifests: Manifests) -> None:
        """Start what the manifests describe; raises BadInput if a Service's port is taken, with nothing started."""
        async with self._applying:
            await self._apply(manifests, manifests)

    async def update(self, documents: Sequence[Document], errors: Sequence[str] = ()) -> Updated:
        """Apply more documents, as `kubectl apply` does: what they don't name stays as it is.

        They are read together with all that was applied before. `errors` are mistakes that are known already; raises
        BadInput with a line for each mistake, with nothing changed.
        """
        async with self._applying:
            before = {key_of(document): document.object for document in self._manifests.documents}
            warned = self._manifests.warnings + self._manifests.skipped_notes()
            everything = read(merged(self._manifests.documents, documents), errors)
            keys = [key_of(document) for document in documents]
            done = await self._apply(chosen(everything, keys), everything)
            lines = []
            for document in everything.documents:
                key = key_of(document)
                if key in keys:
                    changed: Verb = "unchanged" if before.get(key) == document.object else "configured"
                    verb = done.get(key) or (changed if key in before else "created")
                    lines.append(f"{KINDS[key[0]].type}/{key[2]} {verb}")
                    if verb != "unchanged":
                        name = f"{key[0].lower()}/{key[2]}"
                        kinds.APPLY.add(self._timeline.add, "lab", name, verb, lines[-1], data={"namespace": key[1]})
            warnings = everything.warnings + everything.skipped_notes()
            return Updated(lines, [text for text in warnings if text not in warned])

    async def _apply(self, changed: Manifests, everything: Manifests) -> dict[Key, Verb]:
        """Apply `changed`, with the ConfigMaps and Secrets of `everything`."""
        self._cluster.check(changed)
        known = self._urls()
        await self._network.open(changed.services)
        self._manifests = everything
        self._programs.references = References(everything.config_maps, everything.secrets)
        urls = self._urls()
        external = {(one.namespace, one.name) for one in changed.services if one.type == "ExternalName"}
        for (namespace, name, port), url in (known | urls).items():
            if known.get((namespace, name, port)) != urls.get((namespace, name, port)):
                reason = "Listening" if (namespace, name, port) in urls else "Closed"
                data: kinds.Listening = {"namespace": namespace, "port": port, "url": url}
                if (namespace, name) in external:
                    data["external"] = True
                kinds.SERVICE.add(self._timeline.add, "lab", f"service/{name}", reason, url, data=data)
        return self._cluster.apply(changed)

    def _urls(self) -> dict[tuple[str, str, int], str]:
        return {(service.namespace, service.name, port.port): url for service, port, url in self._network.urls()}

    def url(self, service: Service, port: ServicePort) -> str:
        """Return the address at which this machine's programs reach a Service."""
        return self._network.url(service, port)

    async def ask(
        self, service: Service, port: ServicePort, path: str, timeout: float, *, ingress: bool = False
    ) -> Reply:
        """Send a user's request to a Service, or to a pod that the ingress chooses, on a new connection."""
        send = self._users.ask_by_ingress if ingress else self._users.ask
        return await send(service, port, path, timeout)

    def admin(self, pod: Pod, container: Container | None = None) -> tuple[str, str] | None:
        """Return the URL and the token of the admin API in a container, by default the one that takes faults.

        None for a program of its own, which has none.
        """
        container = container or default_container(pod.template)
        if not self._programs.is_patient(pod.template, container):
            return None
        if place := self._programs.stand_in(pod, container):
            return f"http://{place[0]}:{place[1]}", ""
        try:
            environ = self._programs.program(pod, container).environ
        except StartError:
            return None  # it can't be started either
        port = environ["ADMIN_PORT"] or environ["PORT"].partition(",")[0]
        return f"http://{self._addresses.host(pod.ip)}:{port}", environ.get("ADMIN_TOKEN", "")

    def app(self, pod: Pod) -> str:
        """Return the URL of a pod's app without its Service: its patient's first port or another's, else APP_PORT."""
        containers = sorted(pod.template.containers, key=lambda c: not is_patient(c.image))
        ports = [port.container_port for container in containers for port in container.ports]
        host, port = self._addresses.dial(pod.ip, ports[0] if ports else APP_PORT)
        return f"http://{host}:{port}"

    def takes_faults(self, pod: Pod) -> bool:
        """Return True: what runs a program of its own takes them from outside."""
        del pod
        return True

    def refusal(self, template: PodTemplate, fault: Fault, container: str = "") -> str:
        """Return why a container of such pods can't take a fault, and what would do; empty if it can."""
        found = container_called(template, container)
        patient = found is not None and self._programs.is_patient(template, found)
        if why := refusal(template, fault, container, patient=patient):
            return why
        effect = fault.process_effect() if fault.way(patient=patient) == "outside" else None
        if found is None or not isinstance(effect, CpuLoad | MemoryGrowth):
            return ""
        if why := self._why_not(fault.name):
            return f"{fault.name} from outside runs beside the container in its control group: {why} (docs/lab.md)"
        try:
            effect.check(lambda: ContainerMachine(limits(found).memory))
        except FaultError as error:
            return f"container {found.name}: {error}"
        return ""

    async def inject(self, pod: Pod, spec: str, container: str = "") -> None:
        """Inject a fault spec into a container of a pod; the outcome is on the timeline."""
        with suppress(NotDoneError):
            await self.take(pod, spec, container)

    async def take(self, pod: Pod, spec: str, container: str = "") -> dict[str, Any]:
        """Inject a fault spec and return its `id` and `spec`; raises NotDoneError, which is on the timeline then."""
        kinds.FAULT.add(self._timeline.add, "lab", pod.object, "Injected", spec)
        try:
            return await self._take(pod, parse_spec(spec), container)
        except (NotDoneError, FaultError) as error:
            kinds.FAULT.add(self._timeline.add, "lab", pod.object, "NotInjected", f"{spec}: {error}")
            raise NotDoneError(f"{spec}: {error}") from None

    async def _take(self, pod: Pod, fault: Fault, name: str) -> dict[str, Any]:
        if why := self.refusal(pod.template, fault, name):
            raise NotDoneError(why)
        container = container_called(pod.template, name)
        assert container is not None  # noqa: S101 - or it would have been refused
        if fault.way(patient=self._programs.is_patient(pod.template, container)) == "inside":
            return await self._ask(pod, container, "POST", "/admin/faults", {"spec": fault.to_spec()})
        injected = self._outside.of(pod, container).inject(fault)
        return {"id": injected.id, "spec": injected.fault.to_spec()}

    async def recover(self, pod: Pod, which: str = "all") -> None:
        """Take back every fault of a pod, or those of one name; the outcome is on the timeline."""
        with suppress(NotDoneError):
            await self.take_back(pod, {} if which == "all" else {"fault": which})

    async def take_back(self, pod: Pod, which: Mapping[str, str]) -> list[dict[str, Any]]:
        """Take back faults, all or those of a name (`fault`) or an `id`; return the `id` and the `spec` of each.

        Raises NotDoneError where a patient can't be asked, which is on the timeline then.
        """
        called = which.get("fault") or which.get("id")
        ended = [{"id": one.id, "spec": one.fault.to_spec()} for one in self._outside.recover(pod, called)]
        failures = []
        for container in pod.template.containers:
            if self._programs.is_patient(pod.template, container):
                try:
                    ended += (await self._ask(pod, container, "POST", "/admin/recover", which))["recovered"]
                except NotDoneError as error:
                    failures.append(str(error))
        reason, rest = ("NotRecovered", f": {'; '.join(failures)}") if failures else ("Recovered", "")
        kinds.FAULT.add(self._timeline.add, "lab", pod.object, reason, f"{called or 'all'}{rest}")
        if failures:
            raise NotDoneError(f"{called or 'all'}{rest}")
        return ended

    async def inside(self, pod: Pod) -> dict[str, Any] | None:
        """Return the status of a pod's patient or stand-in, by its admin API; None if it has none.

        Raises NotDoneError if it can't be asked.
        """
        container = default_container(pod.template)
        if self.admin(pod, container) is None:
            return None
        return await self._ask(pod, container, "GET", "/admin/status", {})

    def outside(self, pod: Pod) -> list[InjectedFault]:
        """Return the faults that act on a pod from outside, pending ones too."""
        return self._outside.list(pod)

    def service_refusal(self, service: Service, fault: Fault) -> str:
        """Return why a fault can't act on the connections to a Service, and what would do; empty if it can."""
        return service_refusal(service, fault)

    async def exec(self, pod: Pod, container: str, command: tuple[str, ...], timeout: float) -> str:
        """Run a command in a container of a pod, and return how it ended."""
        if self._cluster.node.stopped:
            return "error dialing backend: the kubelet is stopped"
        view = next((view for view in self.pods() if view.pod.uid == pod.uid), None)
        status = view.status.container(container) if view else None
        if status is None or status.state != "running":
            return f"container {container} is not running"
        try:
            ended = await self._runtime.exec(status.id, command, timeout)
        except TimeoutError:
            return f"not ended within {timeout:g}s"
        except OSError as error:
            return str(error)
        return f"exit code {ended.exit_code}"

    async def usage(self, views: Sequence[PodView]) -> list[PodUsage]:
        """Return what pods use now; raises BadInput where nothing counts that."""
        return await measure(self._runtime.usage, views)

    async def _ask(
        self, pod: Pod, container: Container, method: str, path: str, document: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Send a request to the admin API in a container, and return its answer; raises NotDoneError if it refuses."""
        admin = self.admin(pod, container)
        if admin is None:
            raise NotDoneError(f"container {container.name} can't be started")
        url, token = admin
        reply = await post(f"{url}{path}", json.dumps(document).encode(), TIMEOUT, token=token, method=method)
        if reply.failure:
            raise NotDoneError(f"{url}: {reply.failure}")
        if reply.status >= 300:
            raise NotDoneError(f"{url}: {problem(reply.status, reply.body)}")
        answer: dict[str, Any] = json.loads(reply.body)
        return answer
