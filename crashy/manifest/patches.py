"""The patches of a kustomization: what one holds, which resources it is for, and what it makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from crashy.manifest.parse import parse_places
from crashy.manifest.patch import PatchError, merge, operate
from crashy.manifest.places import Fields, Positions, Spend, size
from crashy.manifest.resource import Resource, id_of, mapping, select

# The API groups whose lists are merged item by item; those of other kinds are replaced.
_BUILT_IN = frozenset(
    {"", "admissionregistration.k8s.io", "apiextensions.k8s.io", "apps", "autoscaling", "batch", "extensions"}
    | {"networking.k8s.io", "policy", "rbac.authorization.k8s.io", "resource.k8s.io", "storage.k8s.io"}
)


class Patch(NamedTuple):
    """The text of a patch; `line` is where an inline one stands in its file, else 0; a `block` begins below."""

    file: str
    data: bytes
    line: int = 0
    block: bool = False


def read_patches(patch: Patch) -> tuple[list[Any], list[str]]:
    """Return the patches of a text, each part of them with its place, and a line for each mistake."""
    if not patch.data.strip():
        return [], []
    name = f"{patch.file}:{patch.line} (patch)" if patch.line else patch.file
    found, wrong = parse_places(patch.data, name)
    values = []
    for one in found:
        lines = one.lines if patch.block or not patch.line else dict.fromkeys(one.lines, 0)
        values.append(Positions(patch.file, lines, one.columns, one.words, patch.line).placed(one.value))
    return values, wrong


def apply(resources: list[Resource], patch: Any, entry: Mapping[str, Any], spend: Spend) -> None:
    """Change the resources that a patch is for: those that its target selects, else the one that it names itself.

    A target may select none. Raises PatchError for a patch that names none, or can't be applied.
    """
    if not isinstance(patch, dict | list):
        raise PatchError("is neither a mapping nor a list of operations")
    chosen = _chosen(resources, patch, entry.get("target") or {})
    spend(size(patch) * len(chosen))
    for one in chosen:
        if isinstance(patch, list):
            before, one.object = one.id, operate(one.object, patch)
            if one.id != before:
                one.former.append(before)
        else:
            _merge(one, patch, entry.get("options", {}))
    resources[:] = [one for one in resources if one.object]


def _chosen(resources: list[Resource], patch: Any, target: Mapping[str, Any]) -> list[Resource]:
    if target:
        try:
            return select(resources, target)
        except ValueError as error:
            raise PatchError(f"target: {error}") from None
    if isinstance(patch, list):
        raise PatchError("Required value: a list of operations needs a target")
    meant = id_of(patch)
    found = [one for one in resources if any(_is_meant(former, meant) for former in one.ids)]
    if not found:
        raise PatchError(f"Not found: this patch is for no resource here ({meant})")
    if len(found) > 1:
        raise PatchError(f"matches several resources ({meant})")
    return found


def _is_meant(one: Any, meant: Any) -> bool:
    if not meant.group and not meant.version:  # kustomize wants an apiVersion; so few words are clear enough here
        one = one._replace(group="", version="")
    return bool(one.is_same(meant))


def _merge(one: Resource, patch: dict[str, Any], options: Mapping[str, Any]) -> None:
    before = one.object
    merged = merge(before, patch, lists=one.id.group in _BUILT_IN)
    if not merged:
        one.object = {}
        return
    former = one.id
    metadata = mapping(merged, "metadata")
    old = mapping(before, "metadata")
    keys = [(merged, before, "apiVersion"), (metadata, old, "namespace")]
    keys += [] if options.get("allowKindChange") else [(merged, before, "kind")]
    keys += [] if options.get("allowNameChange") else [(metadata, old, "name")]
    for holder, kept, key in keys:  # a patch changes what a resource is, not which one it is
        if key in kept and isinstance(holder, Fields) and isinstance(kept, Fields):
            holder.put(key, kept[key], kept.places.get(key))
        else:
            holder.pop(key, None)
    one.object = merged
    if one.id != former:
        one.former.append(former)
