"""The transformations of a kustomization: namespace, names, labels, annotations, images and replicas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crashy.objects.config import SOURCES, VOLUMES

Object = dict[str, Any]

_CLUSTER_KINDS = frozenset({"Namespace", "ClusterRole", "ClusterRoleBinding", "PersistentVolume", "StorageClass"})
_REFERENCES = {field: ("name", kind) for field, kind in SOURCES.items()} | VOLUMES


def set_namespace(objects: Sequence[Object], namespace: str) -> None:
    """Set the namespace of every namespaced object."""
    for one in objects:
        if str(one.get("kind")) not in _CLUSTER_KINDS:
            mapping(one, "metadata")["namespace"] = namespace


def rename(objects: Sequence[Object], prefix: str, suffix: str) -> None:
    """Add `prefix` and `suffix` to every name, and to the references to ConfigMaps and Secrets among them."""
    renamed: set[tuple[str, str]] = set()
    for one in objects:
        metadata = mapping(one, "metadata")
        if isinstance(metadata.get("name"), str) and one.get("kind") != "Namespace":
            renamed.add((str(one.get("kind")), metadata["name"]))
            metadata["name"] = f"{prefix}{metadata['name']}{suffix}"
    for one in objects:
        for holder, key, kind in references(one):
            if (kind, holder[key]) in renamed:
                holder[key] = f"{prefix}{holder[key]}{suffix}"


def add_labels(objects: Sequence[Object], labels: Mapping[str, str], *, selectors: bool, templates: bool) -> None:
    """Label every object, and optionally the pod templates and the selectors."""
    for one in objects if labels else ():
        mapping(mapping(one, "metadata"), "labels").update(labels)
        spec = one.get("spec")
        for template in pod_templates(one) if templates else ():
            mapping(mapping(template, "metadata"), "labels").update(labels)
        if selectors and isinstance(spec, dict):
            if one.get("kind") == "Service" and isinstance(spec.get("selector"), dict):
                spec["selector"].update(labels)
            elif isinstance(spec.get("template"), dict):
                mapping(mapping(spec, "selector"), "matchLabels").update(labels)


def annotate(objects: Sequence[Object], annotations: Mapping[str, str]) -> None:
    """Annotate every object and its pod template."""
    for one in objects if annotations else ():
        for holder in (one, *pod_templates(one)):
            mapping(mapping(holder, "metadata"), "annotations").update(annotations)


def set_image(objects: Sequence[Object], name: str, new_name: str, tag: str, digest: str) -> None:
    """Replace the name, tag or digest of every image with this `name`; empty values leave them unchanged."""
    for one in objects:
        for container in containers(one):
            image = container.get("image")
            if isinstance(image, str) and _repository(image) == name:
                rest = f"@{digest}" if digest else f":{tag}" if tag else image.removeprefix(name)
                container["image"] = (new_name or name) + rest


def set_replicas(objects: Sequence[Object], name: str, count: int) -> None:
    """Set the replicas of whatever has this name and a pod template."""
    for one in objects:
        if mapping(one, "metadata").get("name") == name and pod_templates(one):
            one["spec"]["replicas"] = count


def references(value: Any) -> Iterator[tuple[Object, str, str]]:
    """Yield each reference to a ConfigMap or Secret within `value`: the mapping, the key of the name, and the kind."""
    for inner in value if isinstance(value, list) else ():
        yield from references(inner)
    for key, inner in value.items() if isinstance(value, dict) else ():
        if key in _REFERENCES and isinstance(inner, dict) and isinstance(inner.get(_REFERENCES[key][0]), str):
            yield inner, *_REFERENCES[key]
        yield from references(inner)


def mapping(holder: Object, key: str) -> Object:
    """Return the mapping at `key`, created if it is missing."""
    if not isinstance(holder.get(key), dict):
        holder[key] = {}
    inner: Object = holder[key]
    return inner


def pod_templates(one: Object) -> list[Object]:
    """Return the object's pod template, if it has one."""
    spec = one.get("spec")
    template = spec.get("template") if isinstance(spec, dict) else None
    return [template] if isinstance(template, dict) else []


def containers(one: Object) -> Iterator[Object]:
    """Return the containers of a Pod or of an object's pod template."""
    for holder in (one, *pod_templates(one)):
        spec = holder.get("spec")
        for key in ("initContainers", "containers"):
            listed = spec.get(key) if isinstance(spec, dict) else None
            yield from (item for item in (listed if isinstance(listed, list) else ()) if isinstance(item, dict))


def unshared(value: Any) -> Any:
    """Return a deep copy without shared parts, so that an alias's value can be changed on its own."""
    if isinstance(value, dict):
        return {key: unshared(inner) for key, inner in value.items()}
    return [unshared(inner) for inner in value] if isinstance(value, list) else value


def _repository(image: str) -> str:
    folder, slash, last = image.partition("@")[0].rpartition("/")
    return folder + slash + last.partition(":")[0]
