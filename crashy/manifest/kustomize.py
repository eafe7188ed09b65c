"""Simple kustomizations, as of `kubectl apply -k`: resources, generators, patches and transformations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from crashy.manifest import transform
from crashy.manifest.parse import parse_values
from crashy.manifest.patch import PatchError, merge, operate
from crashy.objects.document import Document
from crashy.objects.fields import FieldError, invalid, required
from crashy.objects.reading import Reading
from crashy.objects.schema import Map, Type, each

# kustomize: api/types/kustomization.go, in the notation of `crashy.objects.schema`
_GENERATOR: Type = {
    **each("string", "name namespace type"),
    **each(["string"], "literals files envs"),
    "options": "any",
}


KUSTOMIZATION: Type = {
    **each("string", "apiVersion kind namespace namePrefix nameSuffix"),
    **each(["string"], "resources bases patchesStrategicMerge"),
    "metadata": "any",
    "labels": [{"pairs": Map("string"), "includeSelectors": "bool", "includeTemplates": "bool"}],
    "commonLabels": Map("string"),
    "commonAnnotations": Map("string"),
    "images": [each("string", "name newName newTag digest")],
    "replicas": [{"name": "string", "count": "int32"}],
    "patches": [
        {
            **each("string", "path patch"),
            "target": each("string", "group version kind name namespace"),
            "options": "any",
        }
    ],
    "configMapGenerator": [_GENERATOR],
    "secretGenerator": [_GENERATOR],
    "generatorOptions": "any",
}


KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
MAX_BASES = 16  # the most levels of bases

Read = Callable[[Path], tuple[list[Document], list[str]]]


def build(folder: Path, read: Read, above: tuple[Path, ...] = ()) -> tuple[list[Document], list[str]]:
    """Return the documents that a folder's kustomization builds, and a line for each error.

    Generated ConfigMaps and Secrets keep their plain names (kustomize adds a hash, and updates
    the references). An unknown field is an error, never ignored.
    """
    names = [name for name in KUSTOMIZATIONS if (folder / name).exists()]
    if len(names) != 1:
        what = "holds no kustomization" if not names else f"holds more than one kustomization: {', '.join(names)}"
        return [], [f"{folder}: this folder {what}"]
    file = folder / names[0]
    here = folder.resolve()
    if here in above or len(above) >= MAX_BASES:
        return [], [f"{file}: refers to itself" if here in above else f"{file}: refers to more than {MAX_BASES} others"]
    found, errors = read(file)
    if errors or len(found) > 1:
        return [], errors or [f"{file}: holds {len(found)} documents; a kustomization is one"]
    kustomization = _Kustomization(folder, found[0], read, (*above, here))
    kustomization.run()
    return kustomization.documents, kustomization.errors


class _Kustomization:
    def __init__(self, folder: Path, document: Document, read: Read, above: tuple[Path, ...]) -> None:
        reading = Reading(document, KUSTOMIZATION)
        self.documents: list[Document] = []
        self.errors = [document.message(error) for error in reading.errors]
        self._folder = folder
        self._document = document
        self._fields = reading.raw
        self._read = read
        self._above = above

    def run(self) -> None:
        """Build the documents, in kustomize's own order."""
        self._resources()
        self._generate("configMapGenerator", "ConfigMap", "data")
        self._generate("secretGenerator", "Secret", "stringData")
        self._patch()
        self._transform([document.object for document in self.documents])

    def _blame(self, error: FieldError) -> None:
        self.errors.append(self._document.message(error))

    def _resources(self) -> None:
        for key in ("resources", "bases"):
            for index, name in enumerate(self._fields.get(key, ())):
                path = self._folder / name
                if "://" in name or "\0" in name or not path.exists():
                    reason = "is not on this machine" if "://" in name else "no such file or folder"
                    self._blame(FieldError(f"{key}[{index}]", name, reason))
                    continue
                found, wrong = build(path, self._read, self._above) if path.is_dir() else self._read(path)
                self.documents += [replace(one, object=transform.unshared(one.object)) for one in found]
                self.errors += wrong

    def _generate(self, key: str, kind: str, data: str) -> None:
        for number, generator in enumerate(self._fields.get(key, ())):
            path = f"{key}[{number}]"
            if not generator.get("name"):
                self._blame(required(f"{path}.name"))
            metadata = {name: generator[name] for name in ("name", "namespace") if name in generator}
            values = dict(self._values(generator, path))
            made = {"apiVersion": "v1", "kind": kind, "metadata": metadata, data: values}
            source = self._document
            self.documents.append(Document(source.file, source.index, source.line_of(path), made))

    def _values(self, generator: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
        for index, literal in enumerate(generator.get("literals", ())):
            key, equals, value = literal.partition("=")
            if not equals or not key:
                self._blame(invalid(f"{path}.literals[{index}]", literal, "must be KEY=VALUE"))
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            yield key, value[1:-1] if quoted else value
        for index, entry in enumerate(generator.get("files", ())):
            key, equals, name = entry.partition("=")
            text = self._content(f"{path}.files[{index}]", name if equals else entry).decode("utf-8", "replace")
            yield (key if equals else Path(entry).name), text
        for index, name in enumerate(generator.get("envs", ())):
            for line in self._content(f"{path}.envs[{index}]", name).decode("utf-8", "replace").splitlines():
                if line.strip() and not line.lstrip().startswith("#"):
                    key, _, value = line.partition("=")
                    yield key, value

    def _content(self, path: str, name: str) -> bytes:
        try:
            return (self._folder / name).read_bytes()
        except (OSError, ValueError) as error:
            self._blame(FieldError(path, name, (getattr(error, "strerror", None) or str(error)).lower()))
            return b""

    def _patch(self) -> None:
        for index, entry in enumerate(self._fields.get("patchesStrategicMerge", ())):
            self._apply(f"patchesStrategicMerge[{index}]", entry, inline="\n" in entry, target={})
        for index, patch in enumerate(self._fields.get("patches", ())):
            path, inline, file = f"patches[{index}]", patch.get("patch"), patch.get("path")
            if bool(inline) == bool(file):
                self._blame(FieldError(path, "Required value", "give either path or patch"))
            else:
                at = f"{path}.{'patch' if inline else 'path'}"
                self._apply(at, inline or file, inline=bool(inline), target=patch.get("target", {}))

    def _apply(self, path: str, text: str, *, inline: bool, target: dict[str, Any]) -> None:
        data = text.encode("utf-8", "replace") if inline else self._content(path, text)
        file = f"{self._document.file}:{self._document.line_of(path)} (patch)" if inline else str(self._folder / text)
        patches, wrong = parse_values(data, file) if data else ([], [])
        self.errors += wrong
        for patch in patches:
            chosen = [at for at, document in enumerate(self.documents) if _is_for(patch, target, document.object)]
            if not chosen:
                self._blame(FieldError(path, "Not found", "this patch is for no resource here"))
            for at in chosen:
                before = self.documents[at].object
                try:
                    after = operate(before, patch) if isinstance(patch, list) else merge(before, patch)
                except PatchError as error:
                    self._blame(FieldError(path, str(error)))
                else:
                    self.documents[at] = replace(self.documents[at], object=transform.unshared(after))
        self.documents = [document for document in self.documents if document.object]

    def _transform(self, objects: list[dict[str, Any]]) -> None:
        fields = self._fields
        if namespace := fields.get("namespace"):
            transform.set_namespace(objects, namespace)
        prefix, suffix = fields.get("namePrefix", ""), fields.get("nameSuffix", "")
        if prefix or suffix:
            transform.rename(objects, prefix, suffix)
        transform.add_labels(objects, fields.get("commonLabels", {}), selectors=True, templates=True)
        for entry in fields.get("labels", ()):
            selectors = entry.get("includeSelectors", False)
            templates = selectors or entry.get("includeTemplates", False)
            transform.add_labels(objects, entry.get("pairs", {}), selectors=selectors, templates=templates)
        transform.annotate(objects, fields.get("commonAnnotations", {}))
        for entry in fields.get("images", ()):
            transform.set_image(objects, *(entry.get(key, "") for key in ("name", "newName", "newTag", "digest")))
        for entry in fields.get("replicas", ()):
            transform.set_replicas(objects, entry.get("name", ""), entry.get("count", 1))


def _is_for(patch: Any, target: dict[str, Any], resource: dict[str, Any]) -> bool:
    """Return whether a patch is for a resource: by its target, else by its own kind and name."""
    metadata = resource.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if target and isinstance(patch, dict | list):
        return target.get("kind") in (None, resource.get("kind")) and target.get("name") in (None, name)
    own = patch.get("metadata") if isinstance(patch, dict) else None
    return isinstance(own, dict) and patch.get("kind") == resource.get("kind") and own.get("name") == name
