"""The transformations of a kustomization: namespace, names, labels, annotations, images and replicas.

Source: kustomize: api/internal/konfig/builtinpluginconsts and api/filters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from crashy.manifest.fieldspec import Spec, specs
from crashy.manifest.patterns import compile_pattern
from crashy.manifest.places import Fields, Place
from crashy.manifest.resource import CLUSTER_KINDS, Object, Resource, mapping

_TEMPLATED = "DaemonSet Deployment Job ReplicaSet ReplicationController StatefulSet"
_UNRENAMED = frozenset({"APIService", "CustomResourceDefinition", "Namespace"})
_SPREAD = [
    f"spec/template/spec/affinity/{affinity}/{term}/labelSelector/matchLabels"
    for affinity in ("podAffinity", "podAntiAffinity")
    for term in (
        "preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm",
        "requiredDuringSchedulingIgnoredDuringExecution",
    )
] + ["spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels"]
_TEMPLATES = [
    *specs(_TEMPLATED, "spec/template/metadata", create=True),
    *specs("CronJob", "spec/jobTemplate/metadata", "spec/jobTemplate/spec/template/metadata", create=True),
]
_CLAIMS = specs("StatefulSet", "spec/volumeClaimTemplates[]/metadata", create=True)
_SELECTORS = [
    *[one._replace(version="v1") for one in specs("Service ReplicationController", "spec/selector", create=True)],
    *specs("DaemonSet Deployment ReplicaSet StatefulSet", "spec/selector/matchLabels", create=True),
    *specs("Job PodDisruptionBudget", "spec/selector/matchLabels"),
    *specs("CronJob", "spec/jobTemplate/spec/selector/matchLabels"),
    *specs("Deployment StatefulSet", *_SPREAD),
    *specs(
        "NetworkPolicy",
        *("spec/podSelector/matchLabels", "spec/ingress/from/podSelector/matchLabels"),
        "spec/egress/to/podSelector/matchLabels",
    ),
]
_REPLICAS = specs("Deployment ReplicaSet ReplicationController StatefulSet", "spec/replicas", create=True)
_SERVICE_NAMESPACES = [
    *specs("APIService", "spec/service/namespace", create=True),
    *specs("CustomResourceDefinition", "spec/conversion/webhook/clientConfig/service/namespace"),
]
_IMAGE = r"(:[a-zA-Z0-9_.{}-]*)?(@sha256:[a-zA-Z0-9_.{}-]*)?"


def set_namespace(resources: Sequence[Resource], namespace: str) -> None:
    """Set the namespace of every namespaced object, of the default ServiceAccount as a subject, and of Namespaces."""
    for one in resources:
        if one.id.kind == "Namespace":
            one.change("name", namespace)
        elif one.id.kind not in CLUSTER_KINDS:
            one.change("namespace", namespace)
        for spec in _SERVICE_NAMESPACES:
            for holder, key in spec.fields(one.object):
                holder[key] = namespace
        subjects = one.object.get("subjects") if one.id.kind in ("RoleBinding", "ClusterRoleBinding") else None
        for subject in subjects if isinstance(subjects, list) else ():
            if isinstance(subject, dict) and subject.items() >= {"kind": "ServiceAccount", "name": "default"}.items():
                subject["namespace"] = namespace


def rename(resources: Sequence[Resource], prefix: str, suffix: str) -> None:
    """Add `prefix` and `suffix` to every name but those of Namespaces and of definitions."""
    for one in resources:
        if one.id.kind not in _UNRENAMED and one.id.name:
            one.change("name", f"{prefix}{one.id.name}{suffix}")
            one.affixes.append((prefix, suffix))


def add_labels(
    resources: Sequence[Resource],
    labels: Mapping[str, str],
    *,
    selectors: bool = False,
    templates: bool = False,
    more: Iterable[Spec] = (),
) -> None:
    """Label every object, optionally its pod templates, its selectors, and what else is named."""
    chosen = [Spec("metadata/labels", create=True), *more, *(_SELECTORS if selectors else ())]
    if templates or selectors:
        chosen += [one._replace(path=f"{one.path}/labels") for one in (*_TEMPLATES, *_CLAIMS)]
    _add(resources, labels, chosen)


def annotate(resources: Sequence[Resource], annotations: Mapping[str, str]) -> None:
    """Annotate every object and its pod template."""
    chosen = [one._replace(path=f"{one.path}/annotations") for one in _TEMPLATES]
    _add(resources, annotations, [Spec("metadata/annotations", create=True), *chosen])


def _add(resources: Sequence[Resource], values: Mapping[str, str], chosen: Sequence[Spec]) -> None:
    for one in resources if values else ():
        for spec in chosen:
            for holder, key in spec.fields(one.object):
                mapping(holder, key).update(values)


def set_image(resources: Sequence[Resource], entry: Mapping[str, str], place: Place | None) -> None:
    """Replace the name, tag or digest of every image with this `name`, which may be a pattern; others stay.

    Raises Costly for a pattern that may take too long.
    """
    try:
        compile_pattern(entry.get("name", ""))
        named = re.compile(f"({entry.get('name', '')}){_IMAGE}", re.ASCII)
    except re.error:
        named = re.compile(f"({re.escape(entry.get('name', ''))}){_IMAGE}", re.ASCII)
    for one in resources:
        for container in _containers(one.object) if one.id.kind != "CustomResourceDefinition" else ():
            image = container.get("image")
            if isinstance(image, str) and (match := named.fullmatch(image)):
                name, tag, digest = _split(image) if match.lastindex else (image, "", "")
                if entry.get("newTag") or entry.get("digest"):
                    tag, digest = entry.get("newTag", ""), entry.get("digest", "")
                if entry.get("tagSuffix"):
                    tag, digest = tag + entry["tagSuffix"], ""
                changed = (entry.get("newName") or name) + (tag and f":{tag}") + (digest and f"@{digest}")
                _put(container, "image", changed, place)


def set_replicas(resources: Sequence[Resource], name: str, count: int, place: Place | None) -> bool:
    """Set the replicas of each workload that has or had this name; return whether there is one."""
    found = False
    for one in resources:
        if any(name == former.name for former in one.ids):
            for spec in _REPLICAS:
                for holder, key in spec.fields(one.object):
                    _put(holder, key, count, place)
                    found = True
    return found


def _put(holder: Object, key: str, value: Any, place: Place | None) -> None:
    if isinstance(holder, Fields):
        holder.put(key, value, place)


def _split(image: str) -> tuple[str, str, str]:
    rest, _, digest = image.partition("@")
    folder, slash, last = rest.rpartition("/")
    name, _, tag = last.partition(":")
    return folder + slash + name, tag, digest


def _containers(value: Any) -> Iterator[Object]:
    """Yield the items of every list `containers` and `initContainers` in an object, wherever it is."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        if key in ("containers", "initContainers"):
            yield from (item for item in (inner if isinstance(inner, list) else ()) if isinstance(item, dict))
        else:
            yield from _containers(inner)
    for inner in value if isinstance(value, list) else ():
        yield from _containers(inner)
