"""The table of kinds of objects: one row a kind, which everything that handles all kinds iterates.

What runs a workload is in `controllers/`, what `kubectl get` shows of an object in `kubectl/tables.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind by its names: `Deployment` of `apps/v1`, `deployments` and `deploy` for short.

    One without `read` is not run in a lab; `check` still checks its pod template, if it has one.
    """

    name: str
    version: str
    plural: str
    short: str = ""
    read: str = ""
    """Its reader, `FILE:READER` of this room, imported when it is first used."""
    columns: tuple[str, ...] = ()
    """Its columns in `kubectl get`; empty if the lab does not show it."""
    template: str | None = None
    """The path of its pod template: empty for a Pod, None for a kind without one."""
    ends: bool = False
    """Whether its pods may run to completion."""
    on_each_node: bool = False
    scalable: bool = False
    older: tuple[str, ...] = ()
    """Versions of it that were and that are read alike."""

    @property
    def versions(self) -> tuple[str, ...]:
        """Return the versions in which it is read."""
        return (self.version, *self.older)

    @property
    def names(self) -> tuple[str, ...]:
        """Return its names on a command line: `deployments`, `deployment`, `deploy`."""
        return tuple(filter(None, (self.plural, self.name.lower(), self.short)))

    @property
    def resource(self) -> str:
        """Return its name in the API: `deployments.apps`."""
        return self._of_group(self.plural)

    @property
    def type(self) -> str:
        """Return kubectl's name of one of it: `deployment.apps`."""
        return self._of_group(self.name.lower())

    def template_in(self, manifest: Any) -> Any:
        """Return the pod template of an object of this kind; None if it has none."""
        for part in filter(None, (self.template or "").split(".")):
            manifest = manifest.get(part) if isinstance(manifest, Mapping) else None
        return None if self.template is None else manifest

    def _of_group(self, name: str) -> str:
        group = self.version.rpartition("/")[0]
        return f"{name}.{group}" if group else name

    def path(self, namespace: str) -> str:
        """Return the API path of those of a namespace."""
        return f"/{'apis' if '/' in self.version else 'api'}/{self.version}/namespaces/{namespace}/{self.plural}"


_POD_COLUMNS = ("NAME", "READY", "STATUS", "RESTARTS", "AGE")
_DEPLOYMENT_COLUMNS = ("NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE")
_REPLICA_SET_COLUMNS = ("NAME", "DESIRED", "CURRENT", "READY", "AGE")
_DAEMON_SET_COLUMNS = (
    *("NAME", "DESIRED", "CURRENT", "READY", "UP-TO-DATE", "AVAILABLE"),
    *("NODE SELECTOR", "AGE"),
)
_JOB_COLUMNS = ("NAME", "STATUS", "COMPLETIONS", "DURATION", "AGE")
_CRON_JOB_COLUMNS = ("NAME", "SCHEDULE", "TIMEZONE", "SUSPEND", "ACTIVE", "LAST SCHEDULE", "AGE")
_BUDGET_COLUMNS = ("NAME", "MIN AVAILABLE", "MAX UNAVAILABLE", "ALLOWED DISRUPTIONS", "AGE")
_SERVICE_COLUMNS = ("NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE")
_EVENT_COLUMNS = ("LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE")
_IN = "spec.template"
# Objects are applied from the last row to the first, so that pods find the objects that they refer to.
_ROWS = (
    Kind("Pod", "v1", "pods", "po", "workload:BARE_POD", _POD_COLUMNS, template="", ends=True),
    Kind(
        *("Deployment", "apps/v1", "deployments", "deploy", "deployment:DEPLOYMENT", _DEPLOYMENT_COLUMNS),
        template=_IN,
        scalable=True,
    ),
    Kind(
        *("CronJob", "batch/v1", "cronjobs", "cj", "cronjob:CRON_JOB", _CRON_JOB_COLUMNS),
        older=("batch/v1beta1",),
        template="spec.jobTemplate.spec.template",
        ends=True,
    ),
    Kind(
        *("DaemonSet", "apps/v1", "daemonsets", "ds", "daemonset:DAEMON_SET", _DAEMON_SET_COLUMNS),
        template=_IN,
        on_each_node=True,
    ),
    Kind("Job", "batch/v1", "jobs", "", "job:JOB", _JOB_COLUMNS, template=_IN, ends=True),
    Kind(
        *("ReplicaSet", "apps/v1", "replicasets", "rs", "replicaset:REPLICA_SET", _REPLICA_SET_COLUMNS),
        template=_IN,
        scalable=True,
    ),
    Kind(
        *("ReplicationController", "v1", "replicationcontrollers", "rc"),
        *("replicaset:REPLICATION_CONTROLLER", _REPLICA_SET_COLUMNS),
        template=_IN,
        scalable=True,
    ),
    Kind(
        *("StatefulSet", "apps/v1", "statefulsets", "sts", "statefulset:STATEFUL_SET", ("NAME", "READY", "AGE")),
        template=_IN,
        scalable=True,
    ),
    Kind(
        *("PodDisruptionBudget", "policy/v1", "poddisruptionbudgets", "pdb"),
        *("poddisruptionbudget:BUDGET", _BUDGET_COLUMNS),
        older=("policy/v1beta1",),
    ),
    Kind(
        *("HorizontalPodAutoscaler", "autoscaling/v2", "horizontalpodautoscalers", "hpa"),
        "horizontalpodautoscaler:AUTOSCALER",
        older=("autoscaling/v1", "autoscaling/v2beta1", "autoscaling/v2beta2"),
    ),
    Kind("Service", "v1", "services", "svc", "service:SERVICE", _SERVICE_COLUMNS),
    Kind("Endpoints", "v1", "endpoints", "ep", columns=("NAME", "ENDPOINTS", "AGE")),
    Kind("Event", "v1", "events", "ev", columns=_EVENT_COLUMNS),
    Kind("Secret", "v1", "secrets", read="config:SECRET"),
    Kind("ConfigMap", "v1", "configmaps", "cm", "config:CONFIG_MAP"),
)
KINDS = {kind.name: kind for kind in _ROWS}
READ = {name: kind for name, kind in KINDS.items() if kind.read}
RUN = [name for name, kind in reversed(READ.items()) if kind.template is not None]
"""The kinds whose pods a lab runs, in the order in which they are applied."""
WORKLOADS = [kind for kind in _ROWS if kind.read and kind.template is not None and kind.name != "Pod"]
SCALABLE = [kind for kind in _ROWS if kind.scalable]
SHOWN = [kind for kind in _ROWS if kind.columns]
ROLLED_OUT = [KINDS[name] for name in ("Deployment", "DaemonSet", "StatefulSet")]
"""The kinds that `kubectl rollout status` knows."""


def kind_called(name: str, among: Iterable[Kind]) -> Kind | None:
    """Return the kind with this name on a command line, in full or short."""
    return next((kind for kind in among if name in kind.names), None)


# Kinds that a cluster's manifests often have, and that make no difference to the lab.
NOT_RUN = frozenset(
    {
        *("ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "EndpointSlice", "Endpoints", "Gateway"),
        *("HTTPRoute", "Ingress", "IngressClass", "LimitRange", "Namespace"),
        *("NetworkPolicy", "PersistentVolume", "PersistentVolumeClaim", "PodMonitor"),
        *("PriorityClass", "PrometheusRule", "ResourceQuota", "Role", "RoleBinding", "ServiceAccount"),
        *("ServiceMonitor", "StorageClass"),
    }
)
