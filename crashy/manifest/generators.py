"""The ConfigMaps and Secrets that a kustomization generates, and the hash of their content in their names.

Source: kustomize: api/kv/kv.go, api/internal/generators, api/hasher/hasher.go.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from crashy.manifest.places import Fields
from crashy.manifest.resource import Object, mapping
from crashy.objects.fields import FieldError, duplicate, invalid, required, unsupported

Blame = Callable[[FieldError], None]
Content = Callable[[str, str], bytes]  # of a file, by the path of the field that names it
BEHAVIORS = ("create", "merge", "replace")
_HASH = str.maketrans("013ae", "ghkmt")


def generate(entry: Mapping[str, Any], options: Mapping[str, Any], path: str, content: Content, blame: Blame) -> Object:
    """Return the ConfigMap or Secret of one entry of `configMapGenerator` or `secretGenerator`."""
    kind = "Secret" if path.startswith("secret") else "ConfigMap"
    if not entry.get("name"):
        blame(required(f"{path}.name"))
    if entry.get("behavior", "create") not in BEHAVIORS:
        blame(unsupported(f"{path}.behavior", entry["behavior"], BEHAVIORS))
    metadata = Fields({name: entry[name] for name in ("name", "namespace") if entry.get(name)})
    made: Object = Fields({"apiVersion": "v1", "kind": kind, "metadata": metadata})
    if kind == "Secret":
        made["type"] = entry.get("type") or "Opaque"
    for key, value in _values(entry, path, content, blame):
        text = _text(value) if kind == "ConfigMap" else None
        part = mapping(made, "data" if text is not None or kind == "Secret" else "binaryData")
        if key in part:
            blame(duplicate(path, key))
        part[key] = base64.b64encode(value).decode() if text is None else text
    for key in ("labels", "annotations"):
        if values := {**options.get(key, {}), **entry.get("options", {}).get(key, {})}:
            mapping(metadata, key).update(values)
    if entry.get("options", {}).get("immutable", options.get("immutable")):
        made["immutable"] = True
    return made


def is_hashed(entry: Mapping[str, Any], options: Mapping[str, Any]) -> bool:
    """Return whether a generated object's name gets a hash."""
    return not (options.get("disableNameSuffixHash") or entry.get("options", {}).get("disableNameSuffixHash"))


def absorb(old: Object, new: Object, behavior: str) -> Object:
    """Return what `behavior` merge or replace makes of an object and the generated one of that name."""
    result = Fields(new)
    before, metadata = mapping(old, "metadata"), Fields(new["metadata"])
    for key in ("labels", "annotations"):
        if before.get(key) or metadata.get(key):
            metadata[key] = Fields({**(before.get(key) or {}), **(metadata.get(key) or {})})
    result["metadata"] = metadata | {key: before[key] for key in ("name", "namespace") if key in before}
    for key in ("data", "binaryData") if behavior == "merge" else ():
        former = old.get(key)
        if isinstance(former, dict):
            result[key] = Fields({**former, **new.get(key, {})})
    return result


def hashed_name(one: Object) -> str:
    """Return an object's name with the hash of its content, as kustomize and kubectl make it."""
    kind = one.get("kind")
    content: dict[str, Any] = one
    if kind in ("ConfigMap", "Secret"):
        content = {"kind": kind, "name": "", "data": one.get("data") or ""}
        content |= {"type": one.get("type", "")} if kind == "Secret" else {}
        more = "stringData" if kind == "Secret" else "binaryData"
        content |= {more: one[more]} if isinstance(one.get(more), dict) else {}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for char in "<>&\u2028\u2029":  # as Go writes JSON
        text = text.replace(char, f"\\u{ord(char):04x}")
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    return f"{mapping(one, 'metadata').get('name', '')}-{digest[:10].translate(_HASH)}"


def _values(entry: Mapping[str, Any], path: str, content: Content, blame: Blame) -> Iterator[tuple[str, bytes]]:
    envs = [*entry.get("envs", ()), *([entry["env"]] if entry.get("env") else ())]
    for index, name in enumerate(envs):
        for line in content(f"{path}.envs[{index}]", name).decode("utf-8-sig", "replace").splitlines():
            key, equals, value = line.lstrip().partition("=")
            if key.strip() and not key.startswith("#"):
                yield key, value.encode() if equals else b""  # a name alone takes the value of the environment
    for index, literal in enumerate(entry.get("literals", ())):
        key, equals, value = literal.partition("=")
        if not equals or not key:
            blame(invalid(f"{path}.literals[{index}]", literal, "must be KEY=VALUE"))
        quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
        yield key, (value[1:-1] if quoted else value).encode("utf-8", "replace")
    for index, named in enumerate(entry.get("files", ())):
        key, equals, name = named.partition("=")
        yield (key if equals else Path(named).name), content(f"{path}.files[{index}]", name if equals else named)


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None
