"""ReplicaSets and ReplicationControllers, by the API server's rules and in its texts.

Sources: kubernetes: pkg/apis/apps/validation/validation.go ValidateReplicaSetSpec,
pkg/apis/core/validation/validation.go ValidateReplicationControllerSpec,
pkg/apis/core/v1/defaults.go SetDefaults_ReplicationController.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeVar

from crashy.objects.fields import required
from crashy.objects.names import is_dns_subdomain
from crashy.objects.reading import Reader, Reading, at_least, label_rules, name_rules, read_template
from crashy.objects.schema import LABEL_SELECTOR, OBJECT, Map, Type
from crashy.objects.selector import LabelSelector, selector_of, selector_rules, template_rules
from crashy.objects.workload import Workload

_FIELDS: dict[str, Type] = {"replicas": "int32", "template": "any", "minReadySeconds": "int32"}
_REPLICA_SET: Type = {**OBJECT, "spec": {**_FIELDS, "selector": LABEL_SELECTOR}}
_REPLICATION_CONTROLLER: Type = {**OBJECT, "spec": {**_FIELDS, "selector": Map("string")}}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaSet(Workload):
    """So many pods of one template; another template is for pods to come."""

    kind: ClassVar[str] = "ReplicaSet"
    min_ready_seconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicationController(ReplicaSet):
    """A ReplicaSet by another name, whose selector is labels alone: by default those of the template."""

    kind: ClassVar[str] = "ReplicationController"


_T = TypeVar("_T", bound=ReplicaSet)


def read_replica_set(reading: Reading) -> ReplicaSet | None:
    """Return the ReplicaSet, or None when something is wrong with it."""
    reading.check(selector_rules(reading.spec.get("selector")))
    return _read(reading, selector_of(reading.spec.get("selector", {})), ReplicaSet)


def read_replication_controller(reading: Reading) -> ReplicationController | None:
    """Return the ReplicationController, or None when something is wrong with it."""
    template = reading.spec.get("template")
    metadata = template.get("metadata") if isinstance(template, dict) else None
    own = metadata.get("labels") if isinstance(metadata, dict) else None
    labels = reading.spec.get("selector") or own or {}
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        labels = {}  # which read_template refuses
    elif not labels:
        reading.check([required("spec.selector")])
    reading.check(label_rules("spec.selector", labels))
    return _read(reading, LabelSelector(labels), ReplicationController)


def _read(reading: Reading, selector: LabelSelector, of: type[_T]) -> _T | None:
    spec = reading.spec
    reading.check(name_rules(reading, is_dns_subdomain))
    reading.check(at_least("spec.replicas", spec.get("replicas", 1), 0))
    reading.check(at_least("spec.minReadySeconds", spec.get("minReadySeconds", 0), 0))
    template = read_template(reading, spec.get("template", {}))
    if template is None or reading.errors:
        return None
    reading.check(template_rules(selector, template))
    return of(
        name=reading.name,
        namespace=reading.namespace,
        replicas=spec.get("replicas", 1),
        replicas_given="replicas" in spec,
        selector=selector,
        template=template,
        min_ready_seconds=spec.get("minReadySeconds", 0),
        source=reading.document.source,
    )


REPLICA_SET = Reader(_REPLICA_SET, read_replica_set)
REPLICATION_CONTROLLER = Reader(_REPLICATION_CONTROLLER, read_replication_controller)
