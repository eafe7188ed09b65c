"""The rows of `kubectl get`. Source: kubernetes: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from crashy.controllers.base import PodView
from crashy.controllers.cluster import Cluster
from crashy.controllers.cronjob import CronJobController
from crashy.controllers.daemonset import DaemonSetController
from crashy.controllers.deployment import DeploymentController
from crashy.controllers.job import JobController
from crashy.controllers.replicaset import ReplicaSetController, ReplicaSetWorkload
from crashy.controllers.statefulset import StatefulSetController
from crashy.kubectl.columns import PodColumns, pod_columns
from crashy.kubelet.restarts import is_sidecar
from crashy.kubelet.versions import NEWEST
from crashy.objects.durations import human_duration
from crashy.objects.kinds import Kind
from crashy.timeline import Event, Timeline, kinds

_MOST_ENDPOINTS = 3


Rows = Iterable[tuple[str, tuple[str, ...]]]
"""Each row's namespace and cells."""


class Snapshot(NamedTuple):
    """A cluster at `now`, in seconds of the loop; `cluster_ips` is by a Service's namespace and name."""

    cluster: Cluster
    timeline: Timeline
    now: float
    cluster_ips: Mapping[tuple[str, str], str]
    node_port: Callable[[str, str, int], int | None]
    date: float = 0.0
    """The date in Unix seconds, as the times of Jobs and CronJobs are."""

    def age(self, created_at: float) -> str:
        """Return an object's age in kubectl's short form."""
        return human_duration(self.now - created_at)


def _pods(lab: Snapshot) -> Rows:
    for view in lab.cluster.pods():
        pod = view.pod
        yield pod.namespace, (pod.name, *columns_of(view, lab.now), lab.age(pod.created_at))


def _deployments(lab: Snapshot) -> Rows:
    for one in lab.cluster.controllers(DeploymentController):
        counts = one.counted()
        numbers = (f"{counts.ready}/{counts.desired}", str(counts.updated), str(counts.available))
        yield one.workload.namespace, (one.workload.name, *numbers, lab.age(one.created_at))


def _replica_sets(lab: Snapshot) -> Rows:
    """Return the ReplicaSets of all Deployments, and those of their own."""
    made = [one for controller in lab.cluster.controllers(DeploymentController) for one in controller.sets]
    yield from (_replica_set(lab, one) for one in (*made, *_own_sets(lab, "ReplicaSet")))


def _replication_controllers(lab: Snapshot) -> Rows:
    yield from (_replica_set(lab, one) for one in _own_sets(lab, "ReplicationController"))


def _own_sets(lab: Snapshot, kind: str) -> list[ReplicaSetController]:
    return [one.set for one in lab.cluster.controllers(ReplicaSetWorkload) if one.workload.kind == kind]


def _replica_set(lab: Snapshot, one: ReplicaSetController) -> tuple[str, tuple[str, ...]]:
    numbers = (str(one.replicas), str(one.pods.active), str(one.pods.ready))
    return one.namespace, (one.name, *numbers, lab.age(one.created_at))


def _daemon_sets(lab: Snapshot) -> Rows:
    for one in lab.cluster.controllers(DaemonSetController):
        status, workload = one.status(), one.workload
        selected = workload.template.raw["spec"].get("nodeSelector") or {}
        fields = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled")
        numbers = [str(status.get(field, 0)) for field in (*fields, "numberAvailable")]
        selector = ",".join(f"{key}={value}" for key, value in sorted(selected.items())) or "<none>"
        yield workload.namespace, (workload.name, *numbers, selector, lab.age(one.created_at))


def _stateful_sets(lab: Snapshot) -> Rows:
    for one in lab.cluster.controllers(StatefulSetController):
        workload, ready = one.workload, one.status().get("readyReplicas", 0)
        yield workload.namespace, (workload.name, f"{ready}/{workload.replicas}", lab.age(one.created_at))


def _jobs(lab: Snapshot) -> Rows:
    for one in lab.cluster.controllers(JobController):
        job, state = one.workload, one.state
        queue = f"1 of {job.replicas}" if job.replicas > 1 else "1"
        wanted = queue if job.completions is None else job.completions
        duration = ""
        if state.started is not None:
            ended = state.completed if state.completed is not None else lab.date
            duration = human_duration(ended - state.started)
        numbers = (_job_status(one), f"{state.succeeded}/{wanted}", duration)
        yield job.namespace, (job.name, *numbers, lab.age(one.created_at))


def _job_status(one: JobController) -> str:
    shown = ("Complete", "Failed", "Suspended", "FailureTarget", "SuccessCriteriaMet")
    return next((kind for kind in shown if one.state.condition(kind)), "Running")


def _cron_jobs(lab: Snapshot) -> Rows:
    for one in lab.cluster.controllers(CronJobController):
        cron = one.workload
        last = "<none>" if one.last_schedule is None else human_duration(lab.date - one.last_schedule)
        zone, suspend = cron.time_zone or "<none>", str(cron.suspend)
        row = (cron.name, cron.schedule, zone, suspend, str(len(one.active)), last, lab.age(one.created_at))
        yield cron.namespace, row


def _budgets(lab: Snapshot) -> Rows:
    for one in lab.cluster.budgets():
        budget = one.budget
        limits = ("N/A" if limit is None else str(limit) for limit in (budget.min_available, budget.max_unavailable))
        yield budget.namespace, (budget.name, *limits, str(one.current().allowed), lab.age(one.created_at))


def _endpoints(lab: Snapshot) -> Rows:
    """Return the addresses of the first three ready endpoints of each Service."""
    for one in lab.cluster.services():
        places = [f"{ip}:{port}" for number in one.ready.values() for ip, port in number]
        shown = ",".join(places[:_MOST_ENDPOINTS]) or "<none>"
        if len(places) > _MOST_ENDPOINTS:
            shown += f" + {len(places) - _MOST_ENDPOINTS} more..."
        if one.service.selector:
            yield one.service.namespace, (one.service.name, shown, lab.age(one.created_at))


def _services(lab: Snapshot) -> Rows:
    for one in lab.cluster.services():
        service = one.service
        key = (service.namespace, service.name)
        ports = []
        for port in service.ports:
            number = lab.node_port(*key, port.port)
            ports.append(f"{port.port}{f':{number}' if number else ''}/{port.protocol}")
        external = "<pending>" if service.type == "LoadBalancer" else service.external_name or "<none>"
        own = "None" if service.headless else lab.cluster_ips.get(key, "<none>")
        address = "<none>" if service.external_name else own
        row = (service.name, service.type, address, external, ",".join(ports) or "<none>")
        yield service.namespace, (*row, lab.age(one.created_at))


def latest_events(lab: Snapshot) -> list[Event]:
    """Return the Kubernetes events, each once, the last seen one at the end."""
    last: dict[tuple[str, str, str], Event] = {}
    for event in lab.timeline.since():
        if event.kind == kinds.EVENT:
            key = (event.object, event.reason, event.message)
            last.pop(key, None)
            last[key] = event
    return [*last.values()]


def seen(event: Event, lab: Snapshot) -> str:
    """Return when an event was seen last, and how often since when: `5s (x3 over 20s)`."""
    now = lab.timeline.now()
    last = human_duration(now - event.t)
    if event.data.get("count", 1) == 1:
        return last
    return f"{last} (x{event.data['count']} over {human_duration(now - event.t + event.data['over'])})"


def _events(lab: Snapshot) -> Rows:
    for event in latest_events(lab):
        row = (seen(event, lab), event.data["type"], event.reason, event.object, one_line(event.message))
        yield event.data["namespace"], row


_ROWS: dict[str, Callable[[Snapshot], Rows]] = {
    "Pod": _pods,
    "Deployment": _deployments,
    "ReplicaSet": _replica_sets,
    "ReplicationController": _replication_controllers,
    "DaemonSet": _daemon_sets,
    "StatefulSet": _stateful_sets,
    "Job": _jobs,
    "CronJob": _cron_jobs,
    "PodDisruptionBudget": _budgets,
    "Service": _services,
    "Endpoints": _endpoints,
    "Event": _events,
}


def table(kind: Kind, lab: Snapshot, namespace: str | None) -> tuple[Sequence[str], list[Sequence[str]]]:
    """Return the columns and rows of a kind in one namespace, or in all (then each row begins with its namespace).

    Named objects are sorted by name.
    """
    rows = [row for row in _ROWS[kind.name](lab) if namespace in {None, row[0]}]
    if kind.columns[0] == "NAME":
        rows.sort()
    if len({where for where, _ in rows}) > 1:
        return ("NAMESPACE", *kind.columns), [(where, *cells) for where, cells in rows]
    return kind.columns, [cells for _, cells in rows]


def columns_of(view: PodView, now: float) -> PodColumns:
    """Return a pod's READY, STATUS and RESTARTS at `now`, in seconds of the loop."""
    sidecars = [c.name for c in view.pod.template.init_containers if is_sidecar(c, NEWEST)]
    return pod_columns(view.status, now, sidecars)


def one_line(text: str) -> str:
    """Return an external text on one line, without characters that could move the cursor."""
    return "".join(c if c.isprintable() else " " for c in text).strip()
