"""Changes of an object: Kubernetes' strategic merge, and JSON Patch (RFC 6902)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# The key of a list's items (kubernetes: patchMergeKey in staging/src/k8s.io/api/core/v1/types.go).
_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}
_PORT_KEYS = ("containerPort", "port")  # of a container, of a Service


class PatchError(ValueError):
    """A patch can't be applied to its target."""


def merge(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `patch` merged into it: null removes, known lists merge item by item, others are replaced.

    `$patch: delete` removes the mapping it stands in, `$patch: replace` puts the rest of the patch in its place.
    A whole object that is removed comes back empty.
    """
    directive = patch.get("$patch")
    rest = {key: value for key, value in patch.items() if key != "$patch"}
    if directive == "delete":
        return {}
    if directive not in (None, "merge", "replace"):
        raise PatchError(f"$patch: {directive}: must be delete, merge or replace")
    merged = {} if directive == "replace" else dict(base)
    for key, value in rest.items():
        old = merged.get(key)
        if value is None or (isinstance(value, dict) and value.get("$patch") == "delete"):
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = merge(old if isinstance(old, dict) else {}, value)
        elif isinstance(value, list) and isinstance(old, list) and (name := _key_of(key, value)):
            merged[key] = _merge_list(old, value, name)
        else:
            merged[key] = value
    return merged


def _key_of(field: str, items: Sequence[Any]) -> str | None:
    if field != "ports":
        return _KEYS.get(field)
    return next((key for key in _PORT_KEYS if any(isinstance(item, dict) and key in item for item in items)), None)


def _merge_list(old: Sequence[Any], items: Sequence[Any], name: str) -> list[Any]:
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in items):
        return [item for item in items if not isinstance(item, dict) or "$patch" not in item]
    merged = list(old)
    for item in items:
        if not isinstance(item, dict) or name not in item:
            raise PatchError(f"an item to merge has no {name}")
        at = next((n for n, one in enumerate(merged) if isinstance(one, dict) and one.get(name) == item[name]), None)
        if item.get("$patch") == "delete":
            if at is not None:
                del merged[at]
        elif at is None:
            merged.append(merge({}, item))
        else:
            merged[at] = merge(merged[at], item)
    return merged


def operate(base: dict[str, Any], operations: Sequence[Any]) -> dict[str, Any]:
    """Return `base` after the operations add, replace, remove and test of a JSON Patch. Changes `base` itself."""
    for number, operation in enumerate(operations):
        if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
            raise PatchError(f"operation {number}: must be a mapping with op and path")
        op, path = operation.get("op"), operation["path"]
        *parents, last = (part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:] or ("",))
        holder: Any = base
        for part in parents:
            holder = _inside(holder, part, path)
        match op:
            case "add" | "replace" if "value" not in operation:
                raise PatchError(f"operation {number}: {op} {path}: needs a value")
            case "add" if isinstance(holder, list):
                holder.insert(len(holder) if last == "-" else _index(holder, last, path, 1), operation["value"])
            case "add" if isinstance(holder, dict):
                holder[last] = operation["value"]
            case "replace":
                _inside(holder, last, path)
                holder[last if isinstance(holder, dict) else int(last)] = operation["value"]
            case "remove":
                _inside(holder, last, path)
                del holder[last if isinstance(holder, dict) else int(last)]
            case "test":
                if _inside(holder, last, path) != operation.get("value"):
                    raise PatchError(f"operation {number}: test {path}: is something else")
            case _:
                raise PatchError(f"operation {number}: op {op}: must be add, replace, remove or test")
    return base


def _inside(holder: Any, part: str, path: str) -> Any:
    if isinstance(holder, list):
        return holder[_index(holder, part, path, 0)]
    if not isinstance(holder, dict) or part not in holder:
        raise PatchError(f"path {path}: there is no {part}")
    return holder[part]


def _index(holder: list[Any], part: str, path: str, beyond: int) -> int:
    if not part.isascii() or not part.isdigit() or len(part) > 6 or int(part) >= len(holder) + beyond:
        raise PatchError(f"path {path}: there is no {part} in a list of {len(holder)}")
    return int(part)
