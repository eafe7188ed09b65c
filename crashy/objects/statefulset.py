"""StatefulSets, by the API server's rules and in its texts.

Source: kubernetes: pkg/apis/apps/validation/validation.go ValidateStatefulSetSpec, pkg/apis/apps/v1/defaults.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from crashy.objects.fields import FieldError, duplicate, invalid, required, unsupported
from crashy.objects.names import is_dns_label, is_dns_subdomain
from crashy.objects.reading import Reader, Reading, at_least, name_rules, read_template
from crashy.objects.schema import LABEL_SELECTOR, OBJECT, Type
from crashy.objects.selector import selector_of, selector_rules, template_rules
from crashy.objects.workload import Workload

_STATEFUL_SET: Type = {
    **OBJECT,
    "spec": {
        "replicas": "int32",
        "selector": LABEL_SELECTOR,
        "serviceName": "string",
        "template": "any",
        "podManagementPolicy": "string",
        "updateStrategy": {"type": "string", "rollingUpdate": {"partition": "int32", "maxUnavailable": "port"}},
        "ordinals": {"start": "int32"},
        "minReadySeconds": "int32",
        "revisionHistoryLimit": "int32",
        "volumeClaimTemplates": ["any"],
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "string", "whenScaled": "string"},
    },
}
_POLICIES = ("OrderedReady", "Parallel")
_STRATEGIES = ("OnDelete", "RollingUpdate")
_RETENTION = ("Delete", "Retain")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatefulSet(Workload):
    """Pods of one template, each with an ordinal of its own, from `start` on.

    `claims` are the names of its volume claim templates. `maxUnavailable` of its rolling update is of no effect: the
    gate MaxUnavailableStatefulSet is off.
    """

    kind: ClassVar[str] = "StatefulSet"
    service_name: str = ""
    start: int = 0
    ordered: bool = True
    on_delete: bool = False
    partition: int = 0
    min_ready_seconds: int = 0
    claims: tuple[str, ...] = ()


def read_stateful_set(reading: Reading) -> StatefulSet | None:
    """Return the StatefulSet, or None when something is wrong with it."""
    spec = reading.spec
    replicas, ready = spec.get("replicas", 1), spec.get("minReadySeconds", 0)
    selector, strategy = selector_of(spec.get("selector", {})), spec.get("updateStrategy", {})
    start, partition = spec.get("ordinals", {}).get("start", 0), strategy.get("rollingUpdate", {}).get("partition", 0)
    claims = [_claim_name(one) for one in spec.get("volumeClaimTemplates", ())]
    reading.check(name_rules(reading, is_dns_subdomain))
    reading.check(_policy_rules(spec))
    reading.check(_strategy_rules(strategy))
    reading.check(at_least("spec.replicas", replicas, 0))
    reading.check(at_least("spec.minReadySeconds", ready, 0))
    reading.check(at_least("spec.ordinals.start", start, 0))
    reading.check(at_least("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit", 10), 0))
    reading.check(selector_rules(spec.get("selector"), "statefulset"))
    reading.check(_claim_rules(claims))
    template = read_template(reading, with_claims(spec.get("template", {}), {name: name for name in claims if name}))
    if template is None or reading.errors:
        return None
    reading.check(template_rules(selector, template))
    return StatefulSet(
        name=reading.name,
        namespace=reading.namespace,
        replicas=replicas,
        selector=selector,
        template=template,
        service_name=spec.get("serviceName", ""),
        start=start,
        ordered=spec.get("podManagementPolicy") != "Parallel",
        on_delete=strategy.get("type") == "OnDelete",
        partition=partition,
        min_ready_seconds=ready,
        claims=tuple(claims),
        source=reading.document.source,
        replicas_given="replicas" in spec,
    )


def with_claims(template: Any, claims: Mapping[str, str]) -> Any:
    """Return a pod template whose volumes are those of the claims, too: a volume of the same name is replaced.

    `claims` are claims' names by the names of their templates.
    kubernetes: pkg/controller/statefulset/stateful_set_utils.go updateStorage
    """
    spec = template.get("spec") if isinstance(template, dict) else None
    volumes = spec.get("volumes") or [] if isinstance(spec, dict) else None
    if not isinstance(spec, dict) or not isinstance(volumes, list) or not claims:
        return template
    names = [*claims]  # a list: what a manifest has for a name need not be hashable
    kept = [one for one in volumes if not isinstance(one, dict) or one.get("name") not in names]
    made = [{"name": name, "persistentVolumeClaim": {"claimName": claim}} for name, claim in claims.items()]
    return {**template, "spec": {**spec, "volumes": [*kept, *made]}}


def _claim_name(claim: Any) -> str:
    metadata = claim.get("metadata") if isinstance(claim, dict) else None
    return str(metadata.get("name", "")) if isinstance(metadata, dict) else ""


def _claim_rules(names: list[str]) -> Iterator[FieldError]:
    for index, name in enumerate(names):
        path = f"spec.volumeClaimTemplates[{index}].metadata.name"
        if not name:
            yield required(path)
        for text in is_dns_label(name) if name else ():
            yield invalid(path, name, text)
        if name in names[:index]:
            yield duplicate(path, name)


def _policy_rules(spec: dict[str, Any]) -> Iterator[FieldError]:
    policy = spec.get("podManagementPolicy") or "OrderedReady"
    if policy not in _POLICIES:
        text = f"must be '{_POLICIES[0]}' or '{_POLICIES[1]}'"
        yield invalid("spec.podManagementPolicy", policy, text)
    for field, value in spec.get("persistentVolumeClaimRetentionPolicy", {}).items():
        if value not in _RETENTION:
            yield unsupported(f"spec.persistentVolumeClaimRetentionPolicy.{field}", value, _RETENTION)


def _strategy_rules(raw: dict[str, Any]) -> Iterator[FieldError]:
    kind, path = raw.get("type") or "RollingUpdate", "spec.updateStrategy"
    if kind not in _STRATEGIES:
        yield invalid(path, raw, "must be 'RollingUpdate' or 'OnDelete'")
    elif kind == "OnDelete" and raw.get("rollingUpdate") is not None:
        text = "only allowed for updateStrategy 'RollingUpdate'"
        yield invalid(f"{path}.rollingUpdate", raw["rollingUpdate"], text)
    yield from at_least(f"{path}.rollingUpdate.partition", raw.get("rollingUpdate", {}).get("partition", 0), 0)


STATEFUL_SET = Reader(_STATEFUL_SET, read_stateful_set)
