"""All that was read, and manifests applied on top of others: what was there stays, unless it is given anew."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from crashy.objects.bare_pod import BarePod
from crashy.objects.config import ConfigMap, Secret
from crashy.objects.deployment import Deployment
from crashy.objects.document import Document
from crashy.objects.service import Service


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


Key = tuple[str, str, str]
"""Kind, namespace and name."""

_KINDS = {Deployment: "Deployment", BarePod: "Pod", Service: "Service"}


def key_of(document: Document) -> Key:
    """Return an object's key; of one that is malformed, what there is of it."""
    metadata = document.object.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    namespace = metadata.get("namespace") or "default"
    return str(document.object.get("kind")), str(namespace), str(metadata.get("name"))


def merged(before: Iterable[Document], after: Iterable[Document]) -> list[Document]:
    """Return the documents of both, without those of `before` that `after` gives anew."""
    after = list(after)
    given = {key_of(document) for document in after}
    return [document for document in before if key_of(document) not in given] + after


def chosen(manifests: Manifests, keys: Collection[Key]) -> Manifests:
    """Return the Deployments, Pods and Services among `keys`, with all there is of the rest."""

    def wanted(one: Deployment | BarePod | Service) -> bool:
        return (_KINDS[type(one)], one.namespace, one.name) in keys

    return replace(
        manifests,
        deployments=tuple(filter(wanted, manifests.deployments)),
        pods=tuple(filter(wanted, manifests.pods)),
        services=tuple(filter(wanted, manifests.services)),
    )
