"""Manifests applied on top of others: what was there before stays, unless it is given anew."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from crashy.manifest.document import Document
from crashy.manifest.model import BarePod, Deployment, Manifests, Service

Key = tuple[str, str, str]
"""Kind, namespace and name."""

_KINDS = {Deployment: "Deployment", BarePod: "Pod", Service: "Service"}


def key_of(document: Document) -> Key:
    """Give an object's key; of one that is malformed, what there is of it."""
    metadata = document.object.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    namespace = metadata.get("namespace") or "default"
    return str(document.object.get("kind")), str(namespace), str(metadata.get("name"))


def merged(before: Iterable[Document], after: Iterable[Document]) -> list[Document]:
    """Give the documents of both, without those of `before` that `after` gives anew."""
    after = list(after)
    given = {key_of(document) for document in after}
    return [document for document in before if key_of(document) not in given] + after


def chosen(manifests: Manifests, keys: Collection[Key]) -> Manifests:
    """Give the Deployments, Pods and Services among `keys`, with all there is of the rest."""

    def wanted(one: Deployment | BarePod | Service) -> bool:
        return (_KINDS[type(one)], one.namespace, one.name) in keys

    return replace(
        manifests,
        deployments=tuple(filter(wanted, manifests.deployments)),
        pods=tuple(filter(wanted, manifests.pods)),
        services=tuple(filter(wanted, manifests.services)),
    )
