"""The paths with which kustomize says where a transformation writes: `spec/template/spec/containers/image`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from crashy.manifest.places import Fields

Object = dict[str, Any]

# Where a kind has its pod template.
POD_TEMPLATES: Mapping[str, str] = {
    "Pod": "",
    "PodTemplate": "template/",
    **dict.fromkeys(
        ("DaemonSet", "Deployment", "Job", "ReplicaSet", "ReplicationController", "StatefulSet"), "spec/template/"
    ),
    "CronJob": "spec/jobTemplate/spec/template/",
}


class Spec(NamedTuple):
    """A path of some kinds (empty: of all), of an API group and version if one is named; `create` makes what lacks."""

    path: str
    kinds: frozenset[str] = frozenset()
    create: bool = False
    group: str = ""
    version: str = ""

    def fields(self, one: Object) -> Iterator[tuple[Object, str]]:
        """Yield each mapping of an object that has the path's last part, or should have it, and that part."""
        group, _, version = str(one.get("apiVersion", "")).rpartition("/")
        if (
            (self.kinds and str(one.get("kind")) not in self.kinds)
            or (self.group and self.group != group)
            or (self.version and self.version != version)
        ):
            return
        yield from _walk(one, re.split(r"(?<!\\)/", self.path), create=self.create)


def specs(kinds: str, *paths: str, create: bool = False) -> list[Spec]:
    """Return paths of these kinds."""
    return [Spec(path, frozenset(kinds.split()), create) for path in paths]


def spec_of(field: Mapping[str, Any]) -> Spec:
    """Return the path of an entry of `fields` in a kustomization."""
    kinds = frozenset({field["kind"]} if field.get("kind") else ())
    create = bool(field.get("create"))
    return Spec(field.get("path", ""), kinds, create, field.get("group", ""), field.get("version", ""))


def _walk(value: Any, parts: list[str], *, create: bool) -> Iterator[tuple[Object, str]]:
    if isinstance(value, list):
        for inner in value:
            yield from _walk(inner, parts, create=create)
    elif isinstance(value, dict):
        key = parts[0].removesuffix("[]").replace("\\/", "/")
        if len(parts) == 1:
            if create or key in value:
                yield value, key
            return
        if create and value.get(key) is None and not parts[0].endswith("[]"):
            value[key] = Fields()
        yield from _walk(value.get(key), parts[1:], create=create)
