"""The operations of a running lab's control socket, in kubectl's words."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from crashy import clock
from crashy.controllers.base import PodView
from crashy.controllers.cluster import Cluster
from crashy.controllers.cronjob import CronJobController
from crashy.engines.lab.control import Operation, Request, field
from crashy.engines.lab.fault_operations import FaultOperations
from crashy.engines.lab.instance_logs import InstanceLog, instance_logs
from crashy.engines.lab.lab import LabEngine
from crashy.engines.lab.network import LoopbackNetwork
from crashy.errors import BadInput
from crashy.kubectl.describe import describe_pod
from crashy.kubectl.rollout_status import Rollout, rollout_status
from crashy.kubectl.tables import Snapshot, table
from crashy.kubectl.top import SORTED_BY, top_pods
from crashy.manifest.load import gather
from crashy.objects.kinds import KINDS, ROLLED_OUT, SCALABLE, SHOWN, WORKLOADS, Kind, kind_called
from crashy.objects.names import is_dns_subdomain
from crashy.objects.workload import Workload
from crashy.targets import Target, choose
from crashy.timeline import Timeline

_T = TypeVar("_T")


class Operations:
    """The operations on one lab. Each takes a request's fields and returns its answer; raises BadInput.

    A request may have a `namespace`: without one, a name is looked for in all of them.
    """

    def __init__(self, lab: LabEngine, cluster: Cluster, network: LoopbackNetwork, timeline: Timeline) -> None:
        self._lab = lab
        self._cluster = cluster
        self._network = network
        self._timeline = timeline
        self._faults = FaultOperations(lab, self._pod)

    def table(self) -> Mapping[str, Operation]:
        """Return the operations by their names."""
        return {
            "pods": self.pods,
            "propagated": self.propagated,
            "get": self.get,
            "describe": self.describe,
            **self._faults.table(),
            "delete": self.delete,
            "gone": self.gone,
            "remove": self.remove,
            "create": self.create,
            "scale": self.scale,
            "apply": self.apply,
            "rollout": self.rollout,
            "logs": self.logs,
            "top": self.top,
        }

    async def pods(self, request: Request) -> dict[str, Any]:
        """Return the pods; a patient's or a stand-in's has an `admin_url`, `outside` counts faults from outside.

        One is `refused` if it can't take the faults of `specs`, in the `container` of a name.
        """
        found = [(view, self._lab.admin(view.pod)) for view in self._lab.pods()]
        return {
            "pods": [
                {
                    "name": view.pod.name,
                    "namespace": view.pod.namespace,
                    "ip": view.pod.ip,
                    "ready": view.status.ready,
                    "labels": dict(view.pod.template.labels),
                    "app_url": self._lab.app(view.pod),
                    "images": [container.image for container in view.pod.template.containers],
                    "outside": len(self._lab.outside(view.pod)),
                    "refused": self._faults.refused(view.pod, request),
                    **({"admin_url": admin[0]} if admin else {}),
                }
                for view, admin in found
            ]
        }

    async def propagated(self, _request: Request) -> dict[str, Any]:
        """Return whether the Services' proxies know every endpoint's state."""
        return {"propagated": self._network.kube_proxy.is_caught_up}

    async def get(self, request: Request) -> dict[str, Any]:
        """Return a table: `columns` and `rows`; rows of several namespaces begin with theirs."""
        columns, rows = table(_kind(request, SHOWN), self._snapshot(), request.get("namespace"))
        return {"columns": columns, "rows": rows}

    async def describe(self, request: Request) -> dict[str, Any]:
        """Return the `text` that describes a pod."""
        return {"text": describe_pod(self._pod(request), self._snapshot())}

    def _snapshot(self) -> Snapshot:
        network, now = self._network, asyncio.get_running_loop().time()
        ips = {(service.namespace, service.name): ip for service, ip in network.cluster_ips}
        return Snapshot(self._cluster, self._timeline, now, ips, network.node_port, clock.date())

    async def delete(self, request: Request) -> dict[str, Any]:
        """Begin to delete a pod, or those that `any`, `all` or `2 of app=web` means; return `deleted`: names by uid."""
        views, grace = self._meant(request), request.get("grace")
        if grace is not None and (type(grace) is not int or grace < 0):
            raise BadInput(f"grace: {grace!r}: must be a whole number of seconds, 0 or more")
        for view in views:
            self._lab.delete(view.pod, grace)
        return {"deleted": {view.pod.uid: view.pod.name for view in views}}

    async def gone(self, request: Request) -> dict[str, Any]:
        """Answer once the pod of a `uid` has gone."""
        uid = field(request, "uid", str)
        changed = asyncio.Event()
        unsubscribe = self._timeline.subscribe(lambda event: changed.set() if event.reason == "Deleted" else None)
        try:
            while any(view.pod.uid == uid for view in self._cluster.pods()):
                await changed.wait()
                changed.clear()
        finally:
            unsubscribe()
        return {}

    async def remove(self, request: Request) -> dict[str, Any]:
        """Delete a workload, and its pods without waiting for them."""
        kind = _kind(request, WORKLOADS)
        self._cluster.remove(self._workload(kind, request).key)
        return {}

    async def create(self, request: Request) -> dict[str, Any]:
        """Create the Job `job` of the CronJob of a name now."""
        job = field(request, "job", str)
        cron = self._workload(KINDS["CronJob"], request)
        if wrong := is_dns_subdomain(job):
            invalid = f'Invalid value: "{job}": {wrong[0]}'
            raise BadInput(f'error: failed to create job: Job.batch "{job}" is invalid: metadata.name: {invalid}')
        if any(one.key == ("Job", cron.namespace, job) for one in self._cluster.workloads()):
            raise BadInput(f'error: failed to create job: jobs.batch "{job}" already exists')
        controllers = self._cluster.controllers(CronJobController)
        next(one for one in controllers if one.workload.key == cron.key).start(job)
        return {}

    async def scale(self, request: Request) -> dict[str, Any]:
        """Set the number of replicas of a workload, of a Deployment where no `kind` is named."""
        kind = _kind({"kind": "deployments", **request}, SCALABLE)
        self._lab.scale(self._workload(kind, request), field(request, "replicas", int))
        return {}

    async def apply(self, request: Request) -> dict[str, Any]:
        """Apply the manifests at `paths`; return the outcome of each object."""
        updated = await self._lab.update(*gather(field(request, "paths", list)))
        return {"lines": updated.lines, "warnings": updated.warnings}

    async def rollout(self, request: Request) -> dict[str, Any]:
        """Return a rollout's progress, of a Deployment where no `kind` is named; see `rollout_status`."""
        kind = _kind({"kind": "deployments", **request}, ROLLED_OUT)
        found = [one for one in self._cluster.controllers(object) if isinstance(one, Rollout)]
        known = [(one.workload.namespace, one.workload.name, one) for one in found if one.workload.kind == kind.name]
        return rollout_status(named(kind.resource, request, known))

    async def logs(self, request: Request) -> dict[str, Any]:
        """Return the `lines` of a container's last instance (with `previous` the one before); or those `since` a count.

        `next` is the count to continue from, `ended`: the instance has ended, `default`: which container was chosen
        of which, if none was named.
        """
        view = self._pod(request)
        template = view.pod.template
        names = [c.name for c in (*template.containers, *template.init_containers)]
        container = request.get("container") or names[0]
        if container not in names:
            raise BadInput(f"error: container {container} is not valid for pod {view.pod.name}")
        since = request.get("since")
        events, count = self._timeline.read(since or 0)
        found = instance_logs(events, view.pod.object, container)
        if since is not None:
            log = InstanceLog([line for one in found for line in one.lines], ended=any(one.ended for one in found))
        else:
            log = self._instance_log(view, container, found, back=2 if request.get("previous") else 1)
        answer: dict[str, Any] = {"lines": log.lines, "ended": log.ended, "next": count}
        if not request.get("container") and len(names) > 1:
            answer["default"] = f'Defaulted container "{container}" out of: {", ".join(names)}'
        return answer

    def _instance_log(self, view: PodView, container: str, found: list[InstanceLog], back: int) -> InstanceLog:
        if len(found) >= back:
            return found[-back]
        where = f'container "{container}" in pod "{view.pod.name}"'
        if back > 1:
            raise BadInput(f"Error from server (BadRequest): previous terminated {where} not found")
        status = view.status.container(container)
        reason = (status and status.reason) or "ContainerCreating"
        raise BadInput(f"Error from server (BadRequest): {where} is waiting to start: {reason}")

    async def top(self, request: Request) -> dict[str, Any]:
        """Return `columns` and `rows` of what pods use, or the pod of a `name`; by `containers`, `sort_by`."""
        sort_by = request.get("sort_by") or ""
        if sort_by not in ("", *SORTED_BY):
            raise BadInput(f"sort_by: {sort_by!r}: must be one of {', '.join(SORTED_BY)}")
        views = [self._pod(request)] if request.get("name") else self._cluster.pods()
        views = [view for view in views if request.get("namespace") in {None, view.pod.namespace}]
        used = await self._lab.usage(views)
        if request.get("name") and not used:
            pod = views[0].pod
            missing = f'podmetrics.metrics.k8s.io "{pod.namespace}/{pod.name}" not found'
            raise BadInput(f"Error from server (NotFound): {missing}")
        columns, rows = top_pods(used, containers=bool(request.get("containers")), sort_by=sort_by)
        return {"columns": columns, "rows": rows}

    def _meant(self, request: Request) -> list[PodView]:
        """Return the pods of a request: a whole name, as for kubectl, or an expression that chooses some."""
        target = Target.parse(field(request, "name", str))
        there = [view for view in self._cluster.pods() if request.get("namespace") in {None, view.pod.namespace}]
        chosen = [] if target.is_name else choose(target, there, PodView.facts, random.Random())
        return chosen or [self._pod(request)]

    def _workload(self, kind: Kind, request: Request) -> Workload:
        known = [(one.namespace, one.name, one) for one in self._cluster.workloads() if one.kind == kind.name]
        return named(kind.resource, request, known)

    def _pod(self, request: Request) -> PodView:
        views = [(view.pod.namespace, view.pod.name, view) for view in self._cluster.pods()]
        return named("pods", request, views)


def _kind(request: Request, among: Sequence[Kind]) -> Kind:
    name = field(request, "kind", str)
    if found := kind_called(name, among):
        return found
    raise BadInput(f"kind: {name!r}: must be one of {', '.join(kind.plural for kind in among)}")


def named(kind: str, request: Request, known: list[tuple[str, str, _T]]) -> _T:
    """Return the object that a request names, of those `known` by namespace and name; raises BadInput."""
    name, wanted = field(request, "name", str), request.get("namespace")
    found = [(namespace, one) for namespace, called, one in known if called == name and wanted in {None, namespace}]
    if not found:
        raise BadInput(f'Error from server (NotFound): {kind} "{name}" not found')
    if len(found) > 1:
        namespaces = ", ".join(namespace for namespace, _ in found)
        raise BadInput(f'error: {kind} "{name}" is in several namespaces, name one with -n: {namespaces}')
    return found[0][1]
