"""What the lab runs, typed: Deployments, bare Pods, Services, and the ConfigMaps and Secrets they read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crashy.kubelet.spec import PodTemplate
from crashy.manifest.document import Document, Source


@dataclass(frozen=True, slots=True)
class Requirement:
    """One of a selector's `matchExpressions`; `operator` is In, NotIn, Exists or DoesNotExist."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether `labels` meet it; NotIn is also met by labels without the key."""
        match self.operator:
            case "In":
                return self.key in labels and labels[self.key] in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case _:
                return self.key not in labels


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """A Deployment's selector: labels that must be there, and requirements, all of which must be met."""

    match_labels: Mapping[str, str] = field(default_factory=dict)
    match_expressions: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether `labels` are selected."""
        return self.match_labels.items() <= labels.items() and all(r.matches(labels) for r in self.match_expressions)


@dataclass(frozen=True, slots=True)
class Strategy:
    """How a Deployment goes from one template to the next: RollingUpdate or Recreate.

    `max_surge` and `max_unavailable` are pods, or a share of the replicas as it was written (`25%`).
    """

    type: str = "RollingUpdate"
    max_surge: int | str = "25%"
    max_unavailable: int | str = "25%"


@dataclass(frozen=True, slots=True)
class Deployment:
    """So many replicas of one pod template. The seconds are whole ones, as in Kubernetes."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    replicas: int
    selector: LabelSelector
    template: PodTemplate
    strategy: Strategy
    min_ready_seconds: int
    progress_deadline_seconds: int
    source: Source
    replicas_given: bool = True
    """Whether the manifest says how many replicas; if it doesn't, applying it again leaves their number alone."""
    revision_history_limit: int = 10
    """How many old ReplicaSets a cluster keeps to roll back to; a lab rolls forward only."""


@dataclass(frozen=True, slots=True)
class BarePod:
    """A Pod that nothing owns: it is not made anew once it is gone. Its labels are `template.labels`."""

    name: str
    namespace: str
    template: PodTemplate
    source: Source


@dataclass(frozen=True, slots=True)
class ServicePort:
    """A port of a Service; `target_port` may be a container port's name, `node_port` None asks for any."""

    name: str
    port: int
    target_port: int | str
    node_port: int | None = None
    protocol: str = "TCP"


@dataclass(frozen=True, slots=True)
class Service:
    """A Service of type ClusterIP, NodePort or LoadBalancer, and the labels of the pods that it selects."""

    name: str
    namespace: str
    type: str
    selector: Mapping[str, str]
    ports: tuple[ServicePort, ...]
    publish_not_ready_addresses: bool
    source: Source

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Say whether a pod with `labels` is one of its endpoints; an empty selector has none."""
        return bool(self.selector) and self.selector.items() <= labels.items()


@dataclass(frozen=True, slots=True)
class ConfigMap:
    """Values by key, as containers' environments and volumes read them."""

    name: str
    namespace: str
    data: Mapping[str, str]
    binary_data: Mapping[str, bytes]
    source: Source


@dataclass(frozen=True, slots=True)
class Secret:
    """Values by key, decoded (`data` was base64, `stringData` was not and wins)."""

    name: str
    namespace: str
    data: Mapping[str, bytes] = field(repr=False)
    source: Source


@dataclass(frozen=True, slots=True)
class Manifests:
    """Everything that was read, each in the order in which it was written; names are unique per kind and namespace.

    `warnings` are lines for the user about what is legal and yet hardly meant, or not run in the lab; `documents` are
    those that the objects were read from.
    """

    deployments: tuple[Deployment, ...] = ()
    pods: tuple[BarePod, ...] = ()
    services: tuple[Service, ...] = ()
    config_maps: tuple[ConfigMap, ...] = ()
    secrets: tuple[Secret, ...] = ()
    warnings: tuple[str, ...] = ()
    documents: tuple[Document, ...] = field(default=(), repr=False)
