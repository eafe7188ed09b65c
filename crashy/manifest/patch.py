"""Changes of an object: Kubernetes' strategic merge, and JSON Patch (RFC 6902). What is changed keeps its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crashy.manifest.parse import MAX_NODES
from crashy.manifest.places import Fields, Items, Place, copy, size

# The keys of a list's items (kubernetes: patchMergeKey and listMapKey in staging/src/k8s.io/api/core/v1/types.go).
_KEYS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("containers", "initContainers", "ephemeralContainers", "env", "volumes"), ("name",)),
    **dict.fromkeys(("imagePullSecrets", "resourceClaims", "schedulingGates", "secrets", "webhooks"), ("name",)),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "hostAliases": ("ip",),
    "conditions": ("type",),
    "ownerReferences": ("uid",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}
_PORTS = (("containerPort", "protocol"), ("port", "protocol"))  # of a container, of a Service
_NEEDS = {"add": "value", "replace": "value", "copy": "from", "move": "from", "test": "", "remove": ""}
_SETS = frozenset({"finalizers"})  # lists of texts that are merged


class PatchError(ValueError):
    """A patch can't be applied to its target."""


def merge(base: dict[str, Any], patch: dict[str, Any], *, lists: bool = True) -> Fields:
    """Return `base` with `patch` merged into it: null removes, known `lists` merge item by item, others are replaced.

    `$patch: delete` removes the mapping it stands in, `$patch: replace` puts the rest of the patch in its place.
    A whole object that is removed comes back empty. A list begins with the patch's items, as kustomize has it.
    """
    directive = patch.get("$patch")
    if directive == "delete":
        return Fields()
    if directive not in (None, "merge", "replace"):
        raise PatchError(f"$patch: {directive}: must be delete, merge or replace")
    merged = Fields() if directive == "replace" else Fields(base)
    for key, value in patch.items():
        if key == "$patch" or (key.startswith("$") and isinstance(value, list)):
            continue  # $retainKeys, $setElementOrder/env and the like, which kustomize doesn't know
        old = merged.get(key)
        place = patch.places.get(key) if isinstance(patch, Fields) else None
        if value is None or (isinstance(value, dict) and value.get("$patch") == "delete"):
            merged.pop(key, None)
            merged.places.pop(key, None)
        elif isinstance(value, dict):
            within = isinstance(old, dict) and value.get("$patch") != "replace"
            new = merge(old if isinstance(old, dict) else {}, value, lists=lists)
            merged.put(key, new, None if within else place)
        elif isinstance(value, list) and isinstance(old, list) and lists and (keys := _keys_of(key, value)):
            merged[key] = _merge_list(old, value, keys)
        elif isinstance(value, list) and isinstance(old, list) and lists and key in _SETS:
            merged.put(key, Items([*(one for one in value if one not in old), *old]), place)
        else:
            merged.put(key, _plain(value), place)
    return merged


def _plain(value: Any) -> Any:
    """Return a part of a patch that has nothing to be merged with, without its directives."""
    if isinstance(value, list):
        items = Items()
        for at, inner in enumerate(value):
            if not (isinstance(inner, dict) and "$patch" in inner):
                items.put(len(items), _plain(inner), _place(value, at))
        return items
    return merge({}, value) if isinstance(value, dict) else value


def _place(items: Any, at: int) -> Place | None:
    return items.places[at] if isinstance(items, Items) else None


def _keys_of(field: str, items: Sequence[Any]) -> tuple[str, ...] | None:
    if field != "ports":
        return _KEYS.get(field)
    return next((keys for keys in _PORTS if any(isinstance(item, dict) and keys[0] in item for item in items)), None)


def _merge_list(old: list[Any], items: list[Any], keys: tuple[str, ...]) -> Items:
    """Return the patch's items, merged with those of their keys, and then the other old ones."""
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in items):
        old, items = [], [item for item in items if not (isinstance(item, dict) and item.get("$patch") == "replace")]
    left = Items(old)
    merged = Items()
    for number, item in enumerate(items):
        if not isinstance(item, dict) or keys[0] not in item:
            raise PatchError(f"an item to merge has no {keys[0]}")
        at = next((n for n, one in enumerate(left) if _is_same(one, item, keys)), None)
        if at is not None:
            place = left.places[at]
            former = left.take(at)
            if item.get("$patch") != "delete":
                merged.put(len(merged), merge(former, item), place)
        elif item.get("$patch") != "delete" and not any(_is_almost(one, item, keys) for one in left):
            merged.put(len(merged), merge({}, item), _place(items, number))
    for number, item in enumerate(left):
        merged.put(len(merged), item, left.places[number])
    return merged


def _is_same(one: Any, item: dict[str, Any], keys: tuple[str, ...]) -> bool:
    return isinstance(one, dict) and all(one.get(key) == item.get(key) for key in keys)


def _is_almost(one: Any, item: dict[str, Any], keys: tuple[str, ...]) -> bool:
    """Return whether only one of them has the further keys (`protocol`): kustomize drops such an item of a patch."""
    if not isinstance(one, dict):
        return False
    return all(one.get(key) == item.get(key) or not (key in one and key in item) for key in keys)


def operate(base: dict[str, Any], operations: Sequence[Any]) -> dict[str, Any]:
    """Return a copy of `base` after the operations of a JSON Patch."""
    root = Fields({"": copy(base)})
    for number, operation in enumerate(operations):
        if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
            raise PatchError(f"operation {number}: must be a mapping with op and path")
        op = operation.get("op")
        if op not in _NEEDS:
            raise PatchError(f"operation {number}: op {op}: must be add, replace, remove, copy, move or test")
        if (needed := _NEEDS[op]) and needed not in operation:
            raise PatchError(f"operation {number}: {op} {operation['path']}: needs {needed}")
        try:
            _operate(root, str(op), operation)
        except PatchError as error:
            raise PatchError(f"operation {number}: {error}") from None
    result = root.get("")
    if not isinstance(result, dict):
        raise PatchError("leaves no object")
    return result


def _operate(root: Fields, op: str, operation: dict[str, Any]) -> None:
    path, source, value = operation["path"], str(operation.get("from")), copy(operation.get("value"))
    places = operation.places if isinstance(operation, Fields) else {}
    place = places.get("value") or places.get("path")
    match op:
        case "test":
            if _at(root, path) != value:
                raise PatchError(f"test {path}: is something else")
        case "replace":
            _replace(root, path, value, place)
        case "add":
            _add(root, path, value, place)
        case "copy":
            value = copy(_at(root, source))
            if size(root) + size(value) > MAX_NODES:
                raise PatchError(f"copy {source}: makes more than {MAX_NODES} values")
            _add(root, path, value, place)
        case "move":
            value = _at(root, source)
            _remove(root, source)
            _add(root, path, value, place)
        case _:
            _remove(root, path)


def _holder(root: Any, path: str) -> tuple[Any, str]:
    """Return what holds the last part of a path, and that part."""
    if path and not path.startswith("/"):
        raise PatchError(f"path {path}: must begin with /")
    *parents, last = (part.replace("~1", "/").replace("~0", "~") for part in path.split("/"))
    for part in parents:
        root = _inside(root, part, path)
    return root, last


def _at(root: Any, path: str) -> Any:
    holder, last = _holder(root, path)
    return _inside(holder, last, path)


def _add(root: Any, path: str, value: Any, place: Place | None) -> None:
    holder, last = _holder(root, path)
    if isinstance(holder, Items):
        holder.put(len(holder) if last == "-" else _index(holder, last, path, 1), value, place)
    elif isinstance(holder, Fields):
        holder.put(last, value, place)
    else:
        raise PatchError(f"path {path}: there is no {last}")


def _replace(root: Any, path: str, value: Any, place: Place | None) -> None:
    holder, last = _holder(root, path)
    if isinstance(holder, Items):
        at = _index(holder, last, path, 0)
        holder[at], holder.places[at] = value, place
    else:
        _add(root, path, value, place)  # what isn't there yet is added, as kustomize does


def _remove(root: Any, path: str) -> None:
    holder, last = _holder(root, path)
    _inside(holder, last, path)
    if isinstance(holder, Items):
        holder.take(_index(holder, last, path, 0))
    else:
        del holder[last]


def _inside(holder: Any, part: str, path: str) -> Any:
    if isinstance(holder, list):
        return holder[_index(holder, part, path, 0)]
    if not isinstance(holder, dict) or part not in holder:
        raise PatchError(f"path {path}: there is no {part}")
    return holder[part]


def _index(holder: list[Any], part: str, path: str, beyond: int) -> int:
    digits = part.removeprefix("-")
    if digits.isascii() and digits.isdigit() and len(digits) <= 6:
        at = int(part) + (len(holder) + beyond if part.startswith("-") else 0)
        if 0 <= at < len(holder) + beyond:
            return at
    raise PatchError(f"path {path}: there is no {part} in a list of {len(holder)}")
