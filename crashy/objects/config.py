"""ConfigMaps and Secrets, and the references of containers to their keys."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from crashy.objects.document import Source
from crashy.objects.fields import FieldError, invalid
from crashy.objects.names import is_dns_subdomain
from crashy.objects.pod import Container, PodTemplate
from crashy.objects.reading import Reader, Reading, name_rules
from crashy.objects.schema import OBJECT, Map, Type

_CONFIG_MAP: Type = {**OBJECT, "data": Map("string"), "binaryData": Map("string"), "immutable": "bool"}
_SECRET: Type = {**OBJECT, "data": Map("string"), "stringData": Map("string"), "type": "string", "immutable": "bool"}


@dataclasses.dataclass(frozen=True, slots=True)
class ConfigMap:
    """Values by key, as containers' environments and volumes read them."""

    name: str
    namespace: str
    data: Mapping[str, str]
    binary_data: Mapping[str, bytes]
    source: Source


@dataclasses.dataclass(frozen=True, slots=True)
class Secret:
    """Values by key, decoded (`data` was base64, `stringData` was not and wins)."""

    name: str
    namespace: str
    data: Mapping[str, bytes] = dataclasses.field(repr=False)
    source: Source


SOURCES = {"configMapKeyRef": "ConfigMap", "secretKeyRef": "Secret", "configMapRef": "ConfigMap", "secretRef": "Secret"}
EVERYWHERE = "kube-root-ca.crt"
"""The ConfigMap that a cluster puts into every namespace."""

VOLUMES = {"configMap": ("name", "ConfigMap"), "secret": ("secretName", "Secret")}


def read_config_map(reading: Reading) -> ConfigMap | None:
    """Return the ConfigMap, or None if it is invalid."""
    reading.check(name_rules(reading, is_dns_subdomain))
    data = reading.raw.get("data", {})
    binary = _decoded(reading, "binaryData")
    reading.check(_key_rules("data", data))
    reading.check(_key_rules("binaryData", binary))
    reading.check(
        invalid(f"binaryData[{key}]", key, "duplicate of key present in data") for key in data if key in binary
    )
    if reading.errors:
        return None
    return ConfigMap(reading.name, reading.namespace, data, binary, reading.document.source)


def read_secret(reading: Reading) -> Secret | None:
    """Return the Secret, decoded, or None if it is invalid."""
    reading.check(name_rules(reading, is_dns_subdomain))
    data = _decoded(reading, "data")
    plain = {key: value.encode("utf-8", "replace") for key, value in reading.raw.get("stringData", {}).items()}
    reading.check(_key_rules("data", data))
    reading.check(_key_rules("stringData", plain))
    if reading.errors:
        return None
    return Secret(reading.name, reading.namespace, {**data, **plain}, reading.document.source)


def _decoded(reading: Reading, field: str) -> dict[str, bytes]:
    values: dict[str, bytes] = {}
    for key, text in reading.raw.get(field, {}).items():
        try:
            values[key] = base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):  # the value is not shown: it may be a secret in plain text
            reading.check([FieldError(f"{field}[{key}]", "Invalid value", "must be base64")])
    return values


def _key_rules(field: str, values: Iterable[str]) -> Iterator[FieldError]:
    for key in values:
        if not re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", key):
            text = "a valid config key must consist of at most 253 alphanumeric characters, '-', '_' or '.'"
            yield invalid(f"{field}[{key}]", key, text)


def missing(
    path: str, template: PodTemplate, namespace: str, holders: Sequence[ConfigMap | Secret]
) -> Iterator[FieldError]:
    """Find the ConfigMaps, Secrets and keys that a pod template at `path` needs and that are not among `holders`."""
    known = {(type(h).__name__, h.name): h for h in holders if h.namespace == namespace}
    for at, kind, name, key in references(f"{path}.spec" if path else "spec", template):
        holder = known.get((kind, name))
        if holder is None and name != EVERYWHERE:
            text = f"no {kind} {name} in namespace {namespace} is among these files: the pod waits for it"
            yield FieldError(f"{at[0]}.{at[1]}", text)
        elif holder and key is not None and key not in holder.data and key not in getattr(holder, "binary_data", ()):
            text = f"{kind}/{name} ({holder.source}) has no key {key}: the pod waits for it"
            yield FieldError(f"{at[0]}.key", text)


Reference = tuple[tuple[str, str], str, str, str | None]  # (path, field of the name), kind, name, key


def references(spec: str, template: PodTemplate) -> Iterator[Reference]:
    """Yield the ConfigMaps, Secrets and keys that a pod template, whose `spec` is at that path, can't do without."""
    for field, containers in (("initContainers", template.init_containers), ("containers", template.containers)):
        for index, container in enumerate(containers):
            yield from _environment(f"{spec}.{field}[{index}]", container)
    for index, volume in enumerate(template.volumes):
        for at, field, name, source in volume_sources(volume):
            if isinstance(source.get(name), str) and not source.get("optional"):
                path = f"{spec}.volumes[{index}]{at}.{field}"
                yield (path, name), VOLUMES[field][1], source[name], None


def volume_sources(volume: Any) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    """Yield what a volume holds of ConfigMaps and Secrets: where, its field, the field of its name, and the source."""
    volume = volume if isinstance(volume, Mapping) else {}
    projected = volume.get("projected")
    sources = projected.get("sources") if isinstance(projected, Mapping) else None
    places = [("", volume), *((f".projected.sources[{i}]", one) for i, one in enumerate(sources or ()))]
    for at, holder in places:
        for field, (name, _) in VOLUMES.items():
            if isinstance(holder, Mapping) and isinstance(holder.get(field), Mapping):
                yield at, field, "name" if at else name, holder[field]


def _environment(path: str, container: Container) -> Iterator[Reference]:
    for index, variable in enumerate(container.env):
        yield from _needed(f"{path}.env[{index}].valueFrom", variable.value_from or {})
    for index, source in enumerate(container.env_from):
        yield from _needed(f"{path}.envFrom[{index}]", source)


def _needed(path: str, source: Mapping[str, Any]) -> Iterator[Reference]:
    for field, kind in SOURCES.items():
        reference = source.get(field)
        if reference is not None and not reference.get("optional"):
            yield (f"{path}.{field}", "name"), kind, reference.get("name", ""), reference.get("key")


CONFIG_MAP = Reader(_CONFIG_MAP, read_config_map)
SECRET = Reader(_SECRET, read_secret)
