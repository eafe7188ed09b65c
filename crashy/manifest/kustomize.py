"""Kustomizations, as of `kubectl apply -k`: resources, components, generators, patches and transformations.

Source: kustomize 5.5: api/internal/target/kusttarget.go, and what `kubectl kustomize` makes of the tests' examples.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from crashy.manifest import transform
from crashy.manifest.fieldspec import spec_of
from crashy.manifest.generators import absorb, generate, hashed_name, is_hashed
from crashy.manifest.kustomization import KUSTOMIZATION, KUSTOMIZATIONS, REPLACEMENT, is_remote, needs_kustomize, remote
from crashy.manifest.namerefs import follow_names
from crashy.manifest.parse import MAX_BYTES, parse_places
from crashy.manifest.patch import PatchError
from crashy.manifest.patches import Patch, apply, read_patches
from crashy.manifest.patterns import Costly
from crashy.manifest.places import Place, written
from crashy.manifest.replacements import replace_values, resolve_vars
from crashy.manifest.resource import Resource, id_of
from crashy.objects.document import Document
from crashy.objects.fields import FieldError
from crashy.objects.reading import Reading
from crashy.objects.schema import decode

MAX_BASES = 16  # the most levels of bases
# Of one kustomization with all that it refers to:
MAX_KUSTOMIZATIONS = 1000
MAX_RESOURCES = 10_000
MAX_CHANGES = 500_000  # values that patches and replacements write

_BLOCK = re.compile(rb"[|>][-+0-9]*\s*(#.*)?$")  # the end of a line that begins a block of text
Read = Callable[[Path], tuple[list[Document], list[str]]]


def build(folder: Path, read: Read) -> tuple[list[Document], list[str]]:
    """Return the documents that a folder's kustomization builds, and a line for each error.

    Each field of a document leads to where it was written, in a patch as well. An unknown field is an error, never
    ignored, and so is one that only kustomize itself can build.
    """
    target = _Target(read)
    target.accumulate(folder, ())
    if not target.errors:
        target.finish()
    documents = [written(one.document, one.object) for one in target.resources]
    return documents, list(dict.fromkeys(target.errors))


class _Target:
    """The resources of a kustomization and of those that it refers to."""

    def __init__(self, read: Read) -> None:
        self.read = read
        self.resources: list[Resource] = []
        self.variables: list[Mapping[str, Any]] = []
        self.errors: list[str] = []
        self._built = 0
        self._changes = 0

    def spend(self, changes: int) -> None:
        """Count values that are written. Raises PatchError for too many of them."""
        self._changes += changes
        if self.is_spent:
            raise PatchError(f"the kustomization changes more than {MAX_CHANGES} values")

    @property
    def is_spent(self) -> bool:
        """Return whether there have been too many changes, so that no more are made."""
        return self._changes > MAX_CHANGES

    def accumulate(self, folder: Path, above: tuple[Path, ...], component: bool | None = None) -> None:
        """Add the resources of a folder's kustomization, and let it change them; a `component` changes all so far."""
        try:
            names = [name for name in KUSTOMIZATIONS if (folder / name).exists()]
        except OSError as error:
            self.errors.append(f"{folder}: {(error.strerror or str(error)).lower()}")
            return
        if len(names) != 1:
            what = "holds no kustomization" if not names else f"holds more than one kustomization: {', '.join(names)}"
            self.errors.append(f"{folder}: this folder {what}")
            return
        self._built += 1
        file = folder / names[0]
        here = folder.resolve()
        if here in above or len(above) >= MAX_BASES or self._built > MAX_KUSTOMIZATIONS:
            most = MAX_BASES if len(above) >= MAX_BASES else MAX_KUSTOMIZATIONS
            self.errors.append(f"{file}: refers to {'itself' if here in above else f'more than {most} others'}")
            return
        found, errors = self.read(file)
        self.errors += errors or (
            [f"{file}: holds {len(found)} documents; a kustomization is one"] if len(found) > 1 else []
        )
        if found and not errors and len(found) == 1:
            _Kustomization(self, file, found[0], (*above, here)).run(component)

    def finish(self) -> None:
        """Add the hashes to the names, let references follow all changes of names, and fill in the vars."""
        self.resources = [one for one in self.resources if not one.is_local]
        for one in self.resources:
            if one.hashed:
                one.change("name", hashed_name(one.object))
        follow_names(self.resources)
        try:
            resolve_vars(self.resources, self.variables, self.spend)
        except PatchError as error:
            self.errors.append(f"vars: {error}")


class _Kustomization:
    def __init__(self, target: _Target, file: Path, document: Document, above: tuple[Path, ...]) -> None:
        reading = Reading(document, KUSTOMIZATION)
        self._target = target
        self._file = file
        self._folder = file.parent
        self._document = document
        self._fields = reading.raw
        self._above = above
        self._resources: list[Resource] = []  # what it changes
        for error in (*reading.errors, *needs_kustomize(reading.raw)):
            self._blame(error)

    def run(self, component: bool | None) -> None:
        """Build the resources, in kustomize's own order."""
        kind = self._fields.get("kind") or "Kustomization"
        if component is not None and (kind == "Component") != component:
            which = "components" if kind == "Component" else "resources"
            self._target.errors.append(self._document.message(f"is a {kind}: name it in {which}"))
        all_resources = self._target.resources
        if component:
            self._resources = all_resources
        else:
            self._target.resources = self._resources
        for key in ("resources", "bases"):
            for index, name in enumerate(self._fields.get(key, ())):
                self._add(f"{key}[{index}]", name)
        for key in ("configMapGenerator", "secretGenerator"):
            for index, entry in enumerate(self._fields.get(key, ())):
                self._generate(f"{key}[{index}]", entry)
        for index, name in enumerate(self._fields.get("components", ())):
            self._component(f"components[{index}]", name)
        self._patch()
        self._transform()
        self._target.variables += self._fields.get("vars", ())
        if not component:
            self._target.resources = all_resources
            self._merge(self._resources, all_resources)

    def _blame(self, error: FieldError) -> None:
        self._target.errors.append(self._document.message(error))

    @cached_property
    def _lines(self) -> list[bytes]:
        try:
            return self._file.read_bytes().split(b"\n")
        except (OSError, ValueError):
            return []

    def _place(self, path: str) -> Place:
        return Place(self._document.file, self._document.line_of(path), self._document.column_of(path))

    def _add(self, path: str, name: str) -> None:
        if file := self._found(path, name):
            if file.is_dir():
                self._target.accumulate(file, self._above, component=False)
                return
            found, wrong = self._target.read(file)
            self._target.errors += [error for error in wrong if not error.endswith(": holds no object")]
            self._merge([Resource.of(document) for document in found], self._resources)

    def _found(self, path: str, name: str) -> Path | None:
        file = self._folder / name
        if os.path.exists(file):  # noqa: PTH110 - Path.exists raises OSError for a name that no file can have
            return file
        self._blame(remote(path, name) if is_remote(name) else FieldError(path, name, "no such file or folder"))
        return None

    def _merge(self, found: Sequence[Resource], into: list[Resource]) -> None:
        known = {(*one.id[:4], one.id.space): one for one in into}
        for resource in found:
            key = (*resource.id[:4], resource.id.space)
            if resource.id.name and key in known:
                other = known[key].document
                self._target.errors.append(
                    resource.document.message(f"the kustomization has this object already, from {other.source}")
                )
            elif len(into) >= MAX_RESOURCES:
                self._target.errors.append(self._document.message(f"builds more than {MAX_RESOURCES} objects"))
                return
            else:
                known[key] = resource
                into.append(resource)

    def _component(self, path: str, name: str) -> None:
        if folder := self._found(path, name):
            if folder.is_dir():
                self._target.accumulate(folder, self._above, component=True)
            else:
                self._blame(FieldError(path, name, "is no folder; a component is one"))

    def _generate(self, path: str, entry: Mapping[str, Any]) -> None:
        options = self._fields.get("generatorOptions", {})
        made = generate(entry, options, path, self._content, self._blame)
        behavior = entry.get("behavior", "create")
        known = [one for one in self._resources if any(former.is_same(id_of(made)) for former in one.ids)]
        source = self._document
        if behavior not in ("merge", "replace") and not known:
            document = Document(source.file, source.index, source.line_of(path), made)
            self._resources.append(Resource(document, made, hashed=is_hashed(entry, options)))
        elif behavior not in ("merge", "replace"):
            why = f"{id_of(made)} is here, from {known[0].document.source}; behavior merge or replace changes it"
            self._blame(FieldError(path, "Duplicate value", why))
        elif not known:
            self._blame(FieldError(path, "Not found", f"there is no {id_of(made)} to {behavior}"))
        else:
            known[0].object = absorb(known[0].object, made, behavior)
            known[0].hashed &= is_hashed(entry, options)

    def _content(self, path: str, name: str) -> bytes:
        try:
            with (self._folder / name).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
            if len(data) <= MAX_BYTES:
                return data
            self._blame(FieldError(path, name, f"is larger than {MAX_BYTES} bytes"))
        except (OSError, ValueError) as error:
            self._blame(FieldError(path, name, (getattr(error, "strerror", None) or str(error)).lower()))
        return b""

    def _patch(self) -> None:
        for index, text in enumerate(self._fields.get("patchesStrategicMerge", ())):
            self._apply(f"patchesStrategicMerge[{index}]", text, "\n" in text or text.lstrip()[:1] == "{", {})
        for index, entry in enumerate(self._fields.get("patches", ())):
            self._entry(f"patches[{index}]", entry)

    def _entry(self, path: str, entry: Mapping[str, Any]) -> None:
        inline, file = entry.get("patch"), entry.get("path")
        if bool(inline) == bool(file):
            self._blame(FieldError(path, "Required value", "give either path or patch"))
        else:
            self._apply(f"{path}.{'patch' if inline else 'path'}", inline or file or "", bool(inline), entry)

    def _apply(self, path: str, text: str, inline: bool, entry: Mapping[str, Any]) -> None:
        if inline:
            line = self._document.line_of(path)
            block = line <= len(self._lines) and _BLOCK.search(self._lines[line - 1]) is not None
            patch = Patch(self._document.file, text.encode("utf-8", "replace"), line, block)
        else:
            patch = Patch(os.path.normpath(self._folder / text), self._content(path, text))
        values, wrong = read_patches(patch)
        self._target.errors += wrong
        for value in values if not self._target.is_spent else ():
            try:
                apply(self._resources, value, entry, self._target.spend)
            except PatchError as error:
                self._blame(FieldError(path, str(error)))

    def _transform(self) -> None:
        fields, resources = self._fields, self._resources
        if namespace := fields.get("namespace"):
            transform.set_namespace(resources, namespace)
        if fields.get("namePrefix") or fields.get("nameSuffix"):
            transform.rename(resources, fields.get("namePrefix", ""), fields.get("nameSuffix", ""))
        for entry in fields.get("labels", ()):
            selectors, templates = entry.get("includeSelectors", False), entry.get("includeTemplates", False)
            more = [spec_of(field) for field in entry.get("fields", ())]
            transform.add_labels(resources, entry.get("pairs", {}), selectors=selectors, templates=templates, more=more)
        transform.add_labels(resources, fields.get("commonLabels", {}), selectors=True)
        transform.annotate(resources, fields.get("commonAnnotations", {}))
        for index, entry in enumerate(fields.get("patchesJson6902", ())):
            self._entry(f"patchesJson6902[{index}]", entry)
        for index, entry in enumerate(fields.get("replicas", ())):
            path, name = f"replicas[{index}]", entry.get("name", "")
            if not transform.set_replicas(resources, name, entry.get("count", 0), self._place(path)):
                self._blame(FieldError(f"{path}.name", name, "no workload here has this name"))
        for key in ("images", "imageTags"):
            for index, entry in enumerate(fields.get(key, ())):
                try:
                    transform.set_image(resources, entry, self._place(f"{key}[{index}]"))
                except Costly as error:
                    self._blame(FieldError(f"{key}[{index}].name", str(error)))
        for index, entry in enumerate(fields.get("replacements", ())):
            self._replace(f"replacements[{index}]", entry)

    def _replace(self, path: str, entry: Mapping[str, Any]) -> None:
        entries: list[Any] = [entry]
        if name := entry.get("path"):
            file = os.path.normpath(self._folder / name)
            found, wrong = parse_places(self._content(f"{path}.path", name), file)
            self._target.errors += wrong
            values = [one.value for one in found]
            entries = [one for value in values for one in (value if isinstance(value, list) else [value])]
            errors: list[FieldError] = []
            entries = [decode(one, REPLACEMENT, path, errors) for one in entries]
            for error in errors:
                self._blame(error)
        for one in entries if not self._target.is_spent else ():
            try:
                replace_values(self._resources, one, self._place(path), self._target.spend)
            except PatchError as error:
                self._blame(FieldError(path, str(error)))
