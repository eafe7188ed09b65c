"""Replacements and vars: values of one resource that are written into others.

Source: kustomize: api/filters/replacement, api/filters/refvar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from crashy.manifest.fieldspec import POD_TEMPLATES
from crashy.manifest.patch import PatchError
from crashy.manifest.places import Fields, Items, Place, Spend, copy, size
from crashy.manifest.resource import Id, Resource, select

Holder = tuple[Any, str | int]  # a mapping and a key, or a list and a position
_ITEM = re.compile(r"\[([^=\]]+)=(.*)\]", re.S)


def replace_values(resources: Sequence[Resource], entry: Mapping[str, Any], place: Place | None, spend: Spend) -> None:
    """Write the value of one replacement's source into its targets. Raises PatchError where kustomize refuses it."""
    targets = entry.get("targets", [])
    if not targets or ("source" not in entry and "sourceValue" not in entry):
        raise PatchError("must specify a source and at least one target")
    value = entry["sourceValue"] if "sourceValue" in entry else _source(resources, entry["source"])
    for target in targets:
        chosen = target.get("select")
        if chosen is None:
            raise PatchError("a target must specify resources to select")
        rejected = [one for reject in target.get("reject", ()) for one in _select(resources, reject)]
        for one in _select(resources, chosen):
            if one not in rejected:
                for path in target.get("fieldPaths") or ["metadata.name"]:
                    holders = _targets(one, path, target.get("options", {}))
                    spend(size(value) * len(holders))
                    before = one.id
                    for holder in holders:
                        _write(holder, _changed(holder, path, value, target.get("options", {})), place)
                    if one.id != before:
                        one.former.append(before)


def _select(resources: Sequence[Resource], selector: Mapping[str, Any]) -> list[Resource]:
    try:
        return select(resources, selector)
    except ValueError as error:
        raise PatchError(str(error)) from None


def _source(resources: Sequence[Resource], source: Mapping[str, Any]) -> Any:
    found = [one for one in resources if any(_is_meant(former, source) for former in one.ids)]
    words = " ".join(f"{key} {source[key]}" for key in ("kind", "name", "namespace") if source.get(key))
    if len(found) != 1:
        raise PatchError(f"source {words}: {'matches several resources' if found else 'is no resource here'}")
    path = source.get("fieldPath") or "metadata.name"
    holders = list(_holders(found[0].object, split_path(path)))
    if not holders:
        raise PatchError(f"source {words}: has no {path}")
    holder, key = holders[0]
    value = copy(holder[key])
    options = source.get("options", {})
    if delimiter := options.get("delimiter"):
        parts, index = _plain_text(value, path).split(delimiter), options.get("index", 0)
        if not 0 <= index < len(parts):
            raise PatchError(f"options.index {index} is out of bounds for value {value}")
        value = parts[index]
    return value


def _is_meant(one: Id, source: Mapping[str, Any]) -> bool:
    return all(not source.get(key) or getattr(one, key) == source[key] for key in Id._fields)


def _targets(one: Resource, path: str, options: Mapping[str, Any]) -> list[Holder]:
    holders = list(_holders(one.object, split_path(path), create=bool(options.get("create"))))
    if not holders:
        raise PatchError(f"target {one.id}: has no {path}; options.create would make it")
    return holders


def _changed(at: Holder, path: str, value: Any, options: Mapping[str, Any]) -> Any:
    """Return what a value becomes: with a delimiter one part of it is replaced; a field keeps its type."""
    old, new = at[0][at[1]], copy(value)
    if delimiter := options.get("delimiter"):
        parts, index = _plain_text(old, path).split(delimiter), options.get("index", 0)
        parts[max(index, 0) : index + 1 if index >= 0 else 0] = [_plain_text(value, path)]
        new = delimiter.join(parts)
    texts = isinstance(old, str) or path.startswith(("metadata.annotations.", "metadata.labels."))
    if texts and not isinstance(new, str | dict | list):
        return _plain_text(new, path)
    if isinstance(old, int) and isinstance(new, str) and re.fullmatch(r"-?\d{1,18}", new):
        return int(new)
    return new


def _write(at: Holder, value: Any, place: Place | None) -> None:
    holder, key = at
    if isinstance(holder, Fields):
        holder.put(str(key), value, place)
    elif isinstance(holder, Items):
        holder[int(key)], holder.places[int(key)] = value, place


def _plain_text(value: Any, path: str) -> str:
    if isinstance(value, dict | list):
        raise PatchError(f"{path}: is no single value")
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def split_path(path: str) -> list[str]:
    r"""Return the parts of `spec.containers.[name=web].image`; `\.` is a dot, and so is one within brackets."""
    parts: list[str] = []
    for piece in re.findall(r"(?:\[[^\]]*\]|\\.|[^.])+", path):
        parts += [re.sub(r"\\(.)", r"\1", one) for one in re.split(r"(?<=[^\[])(?=\[[^\]]*=[^\]]*\]$)", piece)]
    return parts


def _holders(value: Any, parts: Sequence[str], *, create: bool = False) -> Iterator[Holder]:
    """Yield what holds each value at a path, and its key or position there."""
    part, last = parts[0] if parts else "", len(parts) == 1
    for holder, key in list(_steps(value, part, parts[1:], create=create)):
        if last:
            yield holder, key
        else:
            yield from _holders(holder[key], parts[1:], create=create)


def _steps(value: Any, part: str, rest: Sequence[str], *, create: bool) -> Iterator[Holder]:
    if isinstance(value, dict):
        if part == "*":
            yield from ((value, key) for key in value)
        elif part in value and (value[part] is not None or not rest):
            yield value, part
        elif create and not _ITEM.fullmatch(part):
            is_list = rest and (rest[0] in ("-", "0") or _ITEM.fullmatch(rest[0]))
            value[part] = None if not rest else Items() if is_list else Fields()
            yield value, part
    elif isinstance(value, list):
        if match := _ITEM.fullmatch(part):
            found = [at for at, one in enumerate(value) if _has(one, match[1], match[2])]
            if not found and create and isinstance(value, Items):
                value.put(len(value), Fields({match[1]: match[2]}), None)
                found = [len(value) - 1]
            yield from ((value, at) for at in found)
        elif part == "*":
            yield from ((value, at) for at in range(len(value)))
        elif isinstance(value, Items) and (part == "-" or (create and part == str(len(value)))):
            value.put(len(value), Fields() if rest else None, None)
            yield value, len(value) - 1
        elif part.isascii() and part.isdigit() and len(part) < 7 and int(part) < len(value):
            yield value, int(part)


def _has(one: Any, key: str, value: str) -> bool:
    return isinstance(one, dict) and key in one and _plain_text(one[key], key) == value


def resolve_vars(resources: Sequence[Resource], variables: Sequence[Mapping[str, Any]], spend: Spend) -> None:
    """Replace $(NAME) in commands, arguments, environments and mounts; what can't be found stays as it is."""
    values = {}
    for entry in variables:
        meant = dict(entry.get("objref", {}))
        group, _, version = str(meant.pop("apiVersion", "")).rpartition("/")
        field = entry.get("fieldref", {})
        path = field.get("fieldPath") or field.get("fieldpath") or "metadata.name"
        source = {"group": group, "version": version, **meant, "fieldPath": re.sub(r"\[(\d+)\]", r".\1", path)}
        try:
            values[entry.get("name", "")] = _source(resources, source)
        except PatchError:
            continue
    for one in resources if values else ():
        if one.id.kind in POD_TEMPLATES or one.id.kind == "Ingress":
            for part in ("spec", "template"):
                if part in one.object:
                    one.object[part] = _resolved(one.object[part], values, spend)


def _resolved(value: Any, values: Mapping[str, Any], spend: Spend) -> Any:
    if isinstance(value, dict | list):
        for key, inner in list(value.items()) if isinstance(value, dict) else list(enumerate(value)):
            value[key] = _resolved(inner, values, spend)
        return value
    if not isinstance(value, str) or "$(" not in value:
        return value
    if value.startswith("$(") and value[2:-1] in values and value.endswith(")"):
        spend(size(values[value[2:-1]]))
        return copy(values[value[2:-1]])

    def text(found: re.Match[str]) -> str:
        new = str(values[found[1]]) if found[1] in values else found[0]
        spend(size(new))
        return new

    return re.sub(r"\$\(([^()]*)\)", text, value)
