"""The kube engine: the same experiments on a real cluster, through its API server alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from crashy.controllers.base import PodView, Stoppable
from crashy.engines.base import NO_PROXY, NO_STOP
from crashy.engines.kube.api import Api, ApiError
from crashy.engines.kube.eviction import evict
from crashy.engines.kube.execute import execute
from crashy.engines.kube.faults import Faults
from crashy.engines.kube.manifests import apply, prepared, unknown
from crashy.engines.kube.routes import Route, Routes
from crashy.engines.kube.view import View
from crashy.errors import BadInput
from crashy.faults.base import Fault
from crashy.kubelet.runtime import Pod
from crashy.objects.kinds import KINDS
from crashy.objects.manifests import Manifests
from crashy.objects.pod import PodTemplate
from crashy.objects.service import Service, ServicePort
from crashy.objects.workload import Workload
from crashy.timeline import Timeline, kinds
from crashy.traffic.connection import Reply

MERGE = "application/merge-patch+json"
_NO_DRAIN = (
    "kube: drain and uncordon: not on a cluster, whose nodes run others' pods too: use evict, or --on lab or sim"
)


class KubeEngine:
    """Runs manifests in one namespace of a cluster; made by `session.session`.

    As a `guest` in a user's namespace it applies nothing: the user's own Deployment of the patient is there already.
    `image` replaces the patient's in the manifests.
    """

    def __init__(
        self,
        api: Api,
        namespace: str,
        view: View,
        routes: Routes,
        *,
        timeline: Timeline,
        tasks: asyncio.TaskGroup,
        note: Callable[[str], None],
        guest: bool,
        image: str,
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._view = view
        self._routes = routes
        self._timeline = timeline
        self._tasks = tasks
        self._note = note
        self._guest = guest
        self._image = image
        self._faults = Faults(api, timeline, tasks, guest=guest)
        routes.report = self._report_route

    async def apply(self, manifests: Manifests) -> None:
        """Apply the manifests in the run's namespace; raises BadInput with the API server's own message."""
        await self._faults.check_rights(self._namespace)
        if self._guest:
            await self._find(manifests.services)
            return
        if manifests.skipped:
            self._note(f"kube: not applied: {manifests.skipped}")
        for one in prepared(manifests.documents, self._namespace, self._image):
            name = f"{one['kind']}/{one['metadata']['name']}"
            try:
                stored = await apply(self._api, one)
            except ApiError as error:
                raise error.refusal(name) from None
            if lost := sorted(set(unknown(one, stored))):
                self._note(f"kube: {name}: this cluster's Kubernetes does not know {', '.join(lost)}: left out")
            if one["kind"] == "Service":
                self._routes.learn(stored)

    async def _find(self, services: Sequence[Service]) -> None:
        for service in services:
            path = f"/api/v1/namespaces/{self._namespace}/services/{service.name}"
            try:
                self._routes.learn(await self._api.request("GET", path))
            except ApiError as error:
                raise error.refusal(f"Service/{service.name}") from None

    def _report_route(self, service: str, port: int, route: Route) -> None:
        data: kinds.Listening = {"namespace": self._namespace, "port": port, "url": route.url}
        kinds.SERVICE.add(self._timeline.add, "kube", f"service/{service}", "Listening", route.url, data=data)
        self._note(f"kube: users ask service/{service} by {route.description}: {route.url}")

    def pods(self) -> Sequence[PodView]:
        """Return the existing pods, in the order of their creation."""
        return self._view.pods()

    def takes_faults(self, pod: Pod) -> bool:
        """Return whether faults can be injected into a pod: into any, each by its means."""
        return bool(pod.template.containers)

    def refusal(self, template: PodTemplate, fault: Fault, container: str = "") -> str:
        """Return why a pod can't take a fault; empty if it can. For a guest the pods that are there count."""
        there = [view.pod.template for view in self.pods()]
        templates = [template] if not self._guest or any(one is template for one in there) else there
        why = min((self._faults.refusal(one, fault, container) for one in templates), key=bool, default="")
        return f"{why}; if it is a patient, name its image: --image" if why and self._guest else why

    async def inject(self, pod: Pod, spec: str, container: str = "") -> None:
        """Inject a fault spec into a pod; the outcome is on the timeline."""
        await self._faults.inject(pod, spec, container)

    async def recover(self, pod: Pod, which: str = "all") -> None:
        """Take back every fault of a pod, or those of one name; the outcome is on the timeline."""
        await self._faults.recover(pod, which)

    async def recover_injected(self) -> None:
        """Recover all pods with injected faults that still exist."""
        await self._faults.recover_injected([view.pod for view in self.pods()])

    def close(self) -> None:
        """Forget the crashes that are still to come."""
        self._faults.close()

    async def exec(self, pod: Pod, container: str, command: tuple[str, ...], timeout: float) -> str:
        """Run a command in a container of a pod, and return how it ended."""
        return (await execute(self._api, pod, container, command, timeout)).how

    def delete(self, pod: Pod, grace: int | None = None) -> None:
        """Delete a pod gracefully, as `kubectl delete pod` does; its controller creates another."""
        body: dict[str, Any] = {"preconditions": {"uid": pod.uid}}
        if grace is not None:
            body["gracePeriodSeconds"] = max(grace, 1)  # 0 is kubectl's --force, which doesn't wait
        path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}"
        self._do(pod.object, "NotDeleted", self._api.request("DELETE", path, body), fine=(404, 409))  # it is gone

    async def evict(self, pod: Pod) -> None:
        """Request a pod's eviction; raises EvictionRefusedError with the API server's code and message."""
        await evict(self._api, pod)

    def cordon(self) -> bool:
        """Raise BadInput: a cluster's nodes are not a run's own."""
        raise BadInput(_NO_DRAIN)

    def uncordon(self) -> None:
        """Raise BadInput: a cluster's nodes are not a run's own."""
        raise BadInput(_NO_DRAIN)

    def service_refusal(self, service: Service, fault: Fault) -> str:
        """Return that nothing of a run stands before a Service."""
        del service, fault
        return NO_PROXY

    async def inject_service(self, service: Service, spec: str) -> None:
        """Raise BadInput: nothing of a run stands before a Service."""
        raise BadInput(f"kube: {NO_PROXY}")

    async def recover_service(self, service: Service, which: str = "all") -> None:
        """Raise BadInput: nothing of a run stands before a Service."""
        raise BadInput(f"kube: {NO_PROXY}")

    async def stop(self, what: Stoppable) -> bool:
        """Raise BadInput: a cluster's nodes are not a run's own."""
        raise BadInput(f"kube: {NO_STOP}")

    async def start(self) -> None:
        """Raise BadInput: a cluster's nodes are not a run's own."""
        raise BadInput(f"kube: {NO_STOP}")

    def bound(self, pod: Pod) -> bool:
        """Refuse, with BadInput: only `drain` needs it."""
        raise BadInput(_NO_DRAIN)

    def owner(self, pod: Pod) -> Workload | None:
        """Refuse, with BadInput: only `drain` needs it."""
        raise BadInput(_NO_DRAIN)

    def scale(self, workload: Workload, replicas: int) -> None:
        """Set a workload's number of replicas."""
        path = f"{KINDS[workload.kind].path(self._namespace)}/{workload.name}/scale"
        patch = self._api.request("PATCH", path, {"spec": {"replicas": replicas}}, content=MERGE)
        self._do(workload.object, "NotScaled", patch)

    def _do(self, obj: str, failed: str, work: Coroutine[Any, Any, object], fine: Sequence[int] = ()) -> None:
        async def do() -> None:
            try:
                await work
            except ApiError as error:
                if error.status not in fine:
                    kinds.NOTE.add(self._timeline.add, "kube", obj, failed, error.message)
                    self._note(f"kube: {obj}: {failed}: {error.message}")

        self._tasks.create_task(do())

    async def reachable(self, service: Service, port: ServicePort, *, ingress: bool) -> None:
        """Wait until the nodes' proxies know a Service."""
        del ingress
        await self._routes.opened(service.name, port.port)

    async def ask(
        self, service: Service, port: ServicePort, path: str, timeout: float, *, ingress: bool = False
    ) -> Reply:
        """Send a user's request to a Service, on a new connection if the route allows it.

        There is no `ingress` (`experiment.read` refuses it): whose lag it is to have is the cluster's own.
        """
        del ingress
        return await self._routes.ask(service.name, port.port, path, timeout)
