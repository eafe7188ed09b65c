"""An experiment's manifests as they are given to a cluster: in the run's namespace, with the image that is there."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from crashy.engines.kube.api import Api, ApiError, Object
from crashy.errors import BadInput
from crashy.objects.document import Document
from crashy.objects.images import is_patient
from crashy.objects.kinds import KINDS

_ALLOCATED = ("clusterIP", "clusterIPs", "healthCheckNodePort")  # of a Service, which keeps them for its life


def prepared(documents: Sequence[Document], namespace: str, image: str = "") -> list[Object]:
    """Return the objects to apply: all in `namespace`; the patient's image is `image`, where one is given.

    Raises BadInput where they are of several namespaces: a run has one.
    """
    namespaces = {str(document.object["metadata"].get("namespace") or "default") for document in documents}
    if len(namespaces) > 1:
        raise BadInput(f"kube: the manifests name {', '.join(sorted(namespaces))}: a run has one namespace, of its own")
    objects = [copy.deepcopy(document.object) for document in documents]
    for one, document in zip(objects, documents, strict=True):
        one["metadata"] |= {"name": document.name, "namespace": namespace}
        for container in _containers(one):
            if image and is_patient(str(container.get("image", ""))):
                container["image"] = image
    return sorted(objects, key=lambda one: list(reversed(KINDS)).index(one["kind"]))


def patient_image(documents: Sequence[Document]) -> str:
    """Return the first name by which the manifests call the patient's image; none is an empty text."""
    images = (str(c.get("image", "")) for document in documents for c in _containers(document.object))
    return next((image for image in images if is_patient(image)), "")


def _containers(one: Object) -> Iterator[Object]:
    spec = (KINDS[one["kind"]].template_in(one) or {}).get("spec") or {}
    for field in ("initContainers", "containers"):
        yield from spec.get(field) or ()


def path_of(one: Object) -> str:
    """Return where objects of its kind and namespace are in the API."""
    kind = KINDS[one["kind"]]
    return replace(kind, version=one.get("apiVersion", kind.version)).path(one["metadata"]["namespace"])


async def apply(api: Api, one: Object) -> Object:
    """Create an object, or make the one that is there as this one has it; return it as it is then. Raises ApiError."""
    path = path_of(one)
    try:
        return await api.request("POST", path, one)
    except ApiError as error:
        if error.status != 409:
            raise
    path = f"{path}/{one['metadata']['name']}"
    return await api.request("PUT", path, replacement(await api.request("GET", path), one))


def replacement(live: Object, wanted: Object) -> Object:
    """Return what `live` is to be replaced with: what the manifest says, and what only the cluster can say.

    What is scalable keeps its number where it names none; of a Pod only the images can change.
    """
    new = copy.deepcopy(wanted)
    new["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
    if KINDS[wanted["kind"]].scalable:
        new["spec"].setdefault("replicas", live["spec"]["replicas"])
    match wanted["kind"]:
        case "Service":
            new["spec"] |= {key: live["spec"][key] for key in _ALLOCATED if key in live["spec"]}
            given = {port["port"]: port.get("nodePort") for port in live["spec"].get("ports") or ()}
            for port in new["spec"].get("ports") or ():
                if given.get(port["port"]) and new["spec"].get("type", "ClusterIP") != "ClusterIP":
                    port.setdefault("nodePort", given[port["port"]])
        case "Job":  # the cluster has made its selector, and labels for its pods
            new["spec"] = {**live["spec"], **new["spec"]}
            metadata = new["spec"]["template"].setdefault("metadata", {})
            metadata["labels"] = {**live["spec"]["template"]["metadata"]["labels"], **metadata.get("labels", {})}
        case "Pod":
            images = {container["name"]: container["image"] for container in _containers(wanted)}
            new = copy.deepcopy(live)
            for container in _containers({**new, "kind": "Pod"}):
                container["image"] = images.get(container["name"], container["image"])
    return new


def unknown(sent: Mapping[str, Any], stored: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Return the fields that were sent and that the cluster has not kept: its version does not know them."""
    for key, value in sent.items():
        at = f"{path}.{key}" if path else key
        if not value or key == "stringData":
            continue
        if key not in stored:
            yield at
        elif isinstance(value, dict) and isinstance(stored[key], dict):
            yield from unknown(value, stored[key], at)
        elif isinstance(value, list) and isinstance(stored[key], list) and len(value) <= len(stored[key]):
            for one, other in zip(value, stored[key], strict=False):
                if isinstance(one, dict) and isinstance(other, dict):
                    yield from unknown(one, other, at)
