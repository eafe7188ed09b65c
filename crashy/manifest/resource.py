"""A resource while a kustomization is built: its names so far, and what selects it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from crashy.manifest.patterns import compile_pattern
from crashy.manifest.places import Fields, place_object
from crashy.objects.document import Document
from crashy.objects.selector import Requirement

Object = dict[str, Any]

# The kinds without a namespace (kustomize: kyaml/openapi, precomputedIsNamespaceScoped).
_CLUSTER_KINDS = """
APIService CSIDriver CSINode CertificateSigningRequest ClusterRole ClusterRoleBinding
ClusterTrustBundle ComponentStatus CustomResourceDefinition DeviceClass FlowSchema IPAddress
IngressClass MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingWebhookConfiguration
Namespace Node PersistentVolume PodSecurityPolicy PriorityClass PriorityLevelConfiguration
RuntimeClass SelfSubjectAccessReview SelfSubjectRulesReview ServiceCIDR StorageClass StorageVersion
StorageVersionMigration SubjectAccessReview TokenReview ValidatingAdmissionPolicy
ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration VolumeAttachment
VolumeAttributesClass
"""
CLUSTER_KINDS = frozenset(_CLUSTER_KINDS.split())


class Id(NamedTuple):
    """What names a resource."""

    group: str
    version: str
    kind: str
    name: str
    namespace: str

    @property
    def space(self) -> str:
        """Return its namespace, `default` by default, and nothing for a kind without one."""
        return "" if self.kind in CLUSTER_KINDS else self.namespace or "default"

    def is_same(self, other: Id) -> bool:
        """Return whether both name one resource."""
        return self[:4] == other[:4] and self.space == other.space

    def __str__(self) -> str:
        version = f"{self.group}/{self.version}".strip("/")
        return f"{version + ' ' if version else ''}{self.kind}/{self.name}" + (
            f" in namespace {self.namespace}" if self.namespace else ""
        )


@dataclass(slots=True, eq=False)
class Resource:
    """An object on its way through kustomizations; `former` are the ids that it had before, the first one first.

    `affixes` are the prefixes and suffixes added so far; `hashed` asks for a hash of the content in its name.
    """

    document: Document
    object: Object
    former: list[Id] = field(default_factory=list)
    affixes: list[tuple[str, str]] = field(default_factory=list)
    hashed: bool = False

    @classmethod
    def of(cls, document: Document) -> Resource:
        """Return the resource of a document as it was read."""
        return cls(document, place_object(document))

    @property
    def id(self) -> Id:
        """Return its current id."""
        return id_of(self.object)

    @property
    def ids(self) -> list[Id]:
        """Return all ids that it has had, the current one last."""
        return [*self.former, self.id]

    @property
    def is_local(self) -> bool:
        """Return whether it is for kustomize alone, and not for a cluster."""
        return "config.kubernetes.io/local-config" in _texts(self.object, "annotations")

    def change(self, key: str, value: str) -> None:
        """Set a part of the metadata that belongs to the id, and remember the former id."""
        metadata = mapping(self.object, "metadata")
        if metadata.get(key) != value:
            self.former.append(self.id)
            metadata[key] = value


def id_of(value: Any) -> Id:
    """Return the id of an object or of a strategic merge patch; what it lacks is empty."""
    metadata = value.get("metadata") if isinstance(value, dict) else None
    metadata = metadata if isinstance(metadata, dict) else {}
    group, _, version = _text(value, "apiVersion").rpartition("/")
    return Id(group, version, _text(value, "kind"), _text(metadata, "name"), _text(metadata, "namespace"))


def mapping(holder: Object, key: str) -> Object:
    """Return the mapping at `key`, created if it is missing."""
    if not isinstance(holder.get(key), dict):
        holder[key] = Fields()
    inner: Object = holder[key]
    return inner


def select(resources: Iterable[Resource], target: Mapping[str, Any]) -> list[Resource]:
    """Return the resources that a patch's target selects: by patterns for the whole of each part, and by selectors.

    Raises ValueError for a pattern or a selector that makes no sense.
    """
    parts = {key: _pattern(target.get(key)) for key in ("group", "version", "kind", "name", "namespace")}
    labels = parse_selector(target.get("labelSelector") or "")
    annotations = parse_selector(target.get("annotationSelector") or "")

    def is_selected(one: Resource) -> bool:
        ids = one.ids
        return (
            all(parts[key](getattr(ids[-1], key)) for key in ("group", "version", "kind"))
            and any(parts["name"](one.name) for one in ids)
            and any(parts["namespace"](one.space) for one in ids)
            and all(requirement.matches(_texts(one.object, "labels")) for requirement in labels)
            and all(requirement.matches(_texts(one.object, "annotations")) for requirement in annotations)
        )

    return [one for one in resources if is_selected(one)]


_ITEM = re.compile(
    r"\s*(?:(?P<not>!)\s*(?P<gone>[^\s=!,()]+)|(?P<key>[^\s=!,()]+)"
    r"(?:\s*(?P<op>==?|!=)\s*(?P<value>[^\s=!,()]*)|\s+(?P<set>in|notin)\s*\((?P<values>[^()]*)\))?)\s*(?:,|$)"
)


def parse_selector(text: str) -> list[Requirement]:
    """Return the requirements of `app=web,tier!=db,env in (a, b),!old`. Raises ValueError for anything else."""
    return list(_requirements(text))


def _requirements(text: str) -> Iterator[Requirement]:
    at = 0
    while at < len(text):
        match = _ITEM.match(text, at)
        if not match:
            raise ValueError(f"{text}: is no label selector, such as app=web,tier!=db")
        at = match.end()
        if match["not"]:
            yield Requirement(match["gone"], "DoesNotExist")
        elif match["set"]:
            values = tuple(value.strip() for value in match["values"].split(","))
            yield Requirement(match["key"], "In" if match["set"] == "in" else "NotIn", values)
        elif match["op"]:
            yield Requirement(match["key"], "NotIn" if match["op"] == "!=" else "In", (match["value"],))
        else:
            yield Requirement(match["key"], "Exists")


def _pattern(text: Any) -> Callable[[str], Any]:
    if not text:
        return lambda _: True
    try:
        return compile_pattern(text).fullmatch
    except re.error as error:
        raise ValueError(f"{text}: is no regular expression: {error.msg}") from None


def _text(holder: Any, key: str) -> str:
    value = holder.get(key) if isinstance(holder, dict) else None
    return value if isinstance(value, str) else ""


def _texts(one: Object, key: str) -> dict[str, str]:
    metadata = one.get("metadata")
    found = metadata.get(key) if isinstance(metadata, dict) else None
    return {name: str(value) for name, value in found.items()} if isinstance(found, dict) else {}
