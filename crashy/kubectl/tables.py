"""What `kubectl get` shows, as rows. Source: kubernetes: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from crashy.controllers.base import PodView
from crashy.controllers.deployment import DeploymentController
from crashy.controllers.endpointslice import ServiceController
from crashy.kubectl.columns import PodColumns, pod_columns
from crashy.kubelet.pod import is_sidecar
from crashy.kubelet.versions import NEWEST
from crashy.objects.durations import human_duration
from crashy.timeline import Event

_MOST_ENDPOINTS = 3


class Table(NamedTuple):
    """The names of the columns, and each row's namespace and cells."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, tuple[str, ...]]]


def pods(views: Sequence[PodView], now: float) -> Table:
    """Return the pods, in the order of their names; `now` is in seconds of the loop, but for `events`."""
    rows = [
        (v.pod.namespace, (v.pod.name, *columns_of(v, now), human_duration(now - v.pod.created_at)))
        for v in sorted(views, key=lambda v: (v.pod.namespace, v.pod.name))
    ]
    return Table(("NAME", "READY", "STATUS", "RESTARTS", "AGE"), rows)


def deployments(controllers: Sequence[DeploymentController], now: float) -> Table:
    """Return the Deployments."""
    rows = []
    for one in controllers:
        counts = one.counted()
        numbers = (f"{counts.ready}/{counts.desired}", str(counts.updated), str(counts.available))
        row = (one.deployment.name, *numbers, human_duration(now - one.created_at))
        rows.append((one.deployment.namespace, row))
    return Table(("NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"), sorted(rows))


def replica_sets(controllers: Sequence[DeploymentController], now: float) -> Table:
    """Return the ReplicaSets of all Deployments."""
    rows = []
    for one in (one for controller in controllers for one in controller.sets):
        numbers = (str(one.replicas), str(one.pods.active), str(one.pods.ready))
        rows.append((one.namespace, (one.name, *numbers, human_duration(now - one.created_at))))
    return Table(("NAME", "DESIRED", "CURRENT", "READY", "AGE"), sorted(rows))


def endpoints(controllers: Sequence[ServiceController], now: float) -> Table:
    """Return where the ready endpoints of each Service are, the first three of them."""
    rows = []
    for one in controllers:
        places = [f"{ip}:{port}" for number in one.ready.values() for ip, port in number]
        shown = ",".join(places[:_MOST_ENDPOINTS]) or "<none>"
        if len(places) > _MOST_ENDPOINTS:
            shown += f" + {len(places) - _MOST_ENDPOINTS} more..."
        if one.service.selector:
            rows.append((one.service.namespace, (one.service.name, shown, human_duration(now - one.created_at))))
    return Table(("NAME", "ENDPOINTS", "AGE"), sorted(rows))


def services(
    controllers: Sequence[ServiceController],
    now: float,
    *,
    cluster_ips: Mapping[tuple[str, str], str],
    node_port: Callable[[str, str, int], int | None],
) -> Table:
    """Return the Services; `cluster_ips` is by namespace and name, `node_port` gives a Service's port's."""
    rows = []
    for one in controllers:
        service = one.service
        key = (service.namespace, service.name)
        ports = []
        for port in service.ports:
            number = node_port(*key, port.port)
            ports.append(f"{port.port}{f':{number}' if number else ''}/{port.protocol}")
        external = "<pending>" if service.type == "LoadBalancer" else "<none>"
        address = cluster_ips.get(key, "<none>")
        row = (service.name, service.type, address, external, ",".join(ports) or "<none>")
        rows.append((service.namespace, (*row, human_duration(now - one.created_at))))
    return Table(("NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"), sorted(rows))


def events(told: Sequence[Event], now: float) -> Table:
    """Return the Kubernetes events, each once, the one last seen at the end; `now` is the timeline's."""
    last: dict[tuple[str, str, str], Event] = {}
    for event in told:
        if event.kind == "event":
            key = (event.object, event.reason, event.message)
            last.pop(key, None)
            last[key] = event
    rows = []
    for event in last.values():
        seen = human_duration(now - event.t)
        if event.data.get("count", 1) > 1:
            first = event.t - event.data["over"]
            seen += f" (x{event.data['count']} over {human_duration(now - first)})"
        row = (seen, event.data["type"], event.reason, event.object, one_line(event.message))
        rows.append((event.data["namespace"], row))
    return Table(("LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"), rows)


def columns_of(view: PodView, now: float) -> PodColumns:
    """Return a pod's READY, STATUS and RESTARTS at `now`, in seconds of the loop."""
    sidecars = [c.name for c in view.pod.template.init_containers if is_sidecar(c, NEWEST)]
    return pod_columns(view.status, now, sidecars)


def one_line(text: str) -> str:
    """Put on one line what came from outside, without characters that could move the cursor."""
    return "".join(c if c.isprintable() else " " for c in text).strip()
