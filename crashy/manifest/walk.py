"""From paths to sources: each file and each kustomization on its own merits, and what is no manifest left out."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from crashy.manifest.comments import Comment, comments
from crashy.manifest.kustomization import KUSTOMIZATIONS
from crashy.manifest.kustomize import build
from crashy.manifest.load import SUFFIXES, read_bytes
from crashy.manifest.parse import MAX_BYTES, Duplicate, parse, parse_values
from crashy.objects.document import Document
from crashy.objects.kinds import KINDS

VENDORED = frozenset({"Godeps", "bower_components", "node_modules", "site-packages", "third_party", "vendor"})
NOT_ALONE = ("Component",)  # kustomizations that only others can use

# What a file that can't be read is taken for.
_OBJECT = (
    re.compile(rb"^[ \t{\"']*kind[\"']?[ \t]*:", re.M),
    re.compile(rb"^[ \t{\"']*apiVersion[\"']?[ \t]*:", re.M),
)
_ACTION = re.compile(rb"\{\{-?\s*([.$(]|[a-zA-Z_]+\b)")
_COMMENT = re.compile(rb"\{\{-?\s*/\*")


@dataclass(slots=True)
class Source:
    """What one file, one kustomization or standard input holds; `errors` are its mistakes, a line each.

    `named` on the command line, or found in a folder. What is `no_manifest` holds no object of Kubernetes.
    """

    path: str
    named: bool = True
    kustomized: bool = False
    no_manifest: bool = False
    template: bool = False
    documents: list[Document] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    duplicates: list[Duplicate] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    read_files: set[str] = field(default_factory=set)

    def parse(self, data: bytes, file: str) -> tuple[list[Document], list[str]]:
        """Return the documents and mistakes of a file's bytes; keep its duplicate keys and its comments."""
        self.read_files.add(file)
        self.comments += comments(data, file)
        return parse(data, file, self.duplicates)

    def read(self, path: Path) -> tuple[list[Document], list[str]]:
        """Return the documents and mistakes of a file, as `parse` does; its name has no detours (`prod/../base`)."""
        data, error = read_bytes(path)
        return ([], [error]) if error else self.parse(data, os.path.normpath(path))


def sources(paths: Sequence[str], stdin: BinaryIO | None = None, *, recursive: bool = False) -> Iterator[Source]:
    """Read what is at `paths`, in their order; `-` is standard input.

    Of a folder, read its kustomization, if it has one, else its own *.yaml, *.yml and *.json. With `recursive`, do so
    below it too, but for hidden and vendored folders, and for what the kustomizations there are made of.
    """
    for name in dict.fromkeys(paths):
        path = Path(name)
        if name == "-":
            yield _loose(Source("standard input"), (stdin or sys.stdin.buffer).read(MAX_BYTES + 1), meant=True)
        elif not _is_folder(path):
            yield _kustomized(path.parent) if path.name in KUSTOMIZATIONS else _file(path)
        elif recursive:
            yield from _walk(path)
        else:
            yield from _folder(path)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return False


def _file(path: Path, *, named: bool = True) -> Source:
    source = Source(str(path), named)
    data, error = read_bytes(path)
    if error:
        source.errors.append(error)
        return source
    return _loose(source, data)


def _loose(source: Source, data: bytes, *, meant: bool = False) -> Source:
    """Read what is no part of a kustomization; what is `meant` as a manifest is one, even if it holds nothing."""
    source.documents, source.errors = source.parse(data, source.path)
    if source.documents:
        source.no_manifest = not meant and not any(map(_is_object, source.documents))
    elif source.errors:
        within = re.compile(re.escape(source.path) + r"(:\d+: document |: holds no object)")
        readable = all(within.match(error) for error in source.errors)  # as YAML
        source.template = _is_template(data)
        looks_so = meant or source.template or all(one.search(data) for one in _OBJECT)
        source.no_manifest = readable and not looks_so
    return source


def _is_template(data: bytes) -> bool:
    action = _ACTION.search(data)
    return (action is not None and data.find(b"}}", action.end()) >= 0) or _COMMENT.search(data) is not None


def _is_object(document: Document) -> bool:
    return "kind" in document.object and ("apiVersion" in document.object or document.object["kind"] in list(KINDS))


def _kustomized(folder: Path, *, named: bool = True) -> Source:
    source = Source(str(folder), named, kustomized=True)
    source.documents, source.errors = build(folder, source.read)
    patches = {place.file for document in source.documents for place in document.patched.values()}
    for file in sorted(patches - source.read_files):
        source.comments += comments(read_bytes(Path(file))[0], file)
    return source


def _listed(folder: Path) -> tuple[list[str], list[Path], list[str]]:
    """Return the kustomizations, the manifests' paths and the folders of a folder, sorted."""
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    files = [entry for entry in entries if entry.is_file()]
    folders = [entry.name for entry in entries if entry.is_dir() and not entry.is_symlink()]
    kustomizations = [entry.name for entry in files if entry.name in KUSTOMIZATIONS]
    return kustomizations, [entry for entry in files if entry.name.endswith(SUFFIXES)], folders


def _folder(folder: Path) -> Iterator[Source]:
    try:
        kustomizations, manifests, folders = _listed(folder)
    except OSError as error:
        yield Source(str(folder), errors=[_unreadable(folder, error)])
        return
    if kustomizations:
        yield _kustomized(folder)
        return
    if not manifests:
        more = "; -R looks into the folders in it" if folders else ""
        yield Source(str(folder), errors=[f"{folder}: this folder holds no manifest (*.yaml, *.yml, *.json){more}"])
    for path in manifests:
        yield _file(path, named=False)


def _walk(top: Path) -> Iterator[Source]:
    loose: list[Path] = []
    kustomized: list[Path] = []
    used: set[str] = set()  # real paths; Path.resolve raises RuntimeError for a loop of links
    unreadable = False
    left = [top]
    while left:
        folder = left.pop()
        try:
            kustomizations, manifests, folders = _listed(folder)
        except OSError as error:
            unreadable = True
            yield Source(str(folder), errors=[_unreadable(folder, error)])
            continue
        left += [folder / name for name in reversed(folders) if name not in VENDORED]
        if not kustomizations:
            loose += manifests
            continue
        values, _ = parse_values(read_bytes(folder / kustomizations[0])[0], "")
        names = {name for value in values for name in _texts(value)}
        used |= {os.path.realpath(folder / name) for name in names} - {os.path.realpath(folder)}
        if not any(isinstance(value, dict) and value.get("kind") in NOT_ALONE for value in values):
            kustomized.append(folder)
    if not loose and not kustomized and not unreadable:
        yield Source(str(top), errors=[f"{top}: no manifest is in this folder (*.yaml, *.yml, *.json) or below it"])
    for folder in kustomized:
        if os.path.realpath(folder) not in used or folder == top:
            yield _kustomized(folder, named=folder == top)
    for path in loose:
        if os.path.realpath(path) not in used:
            yield _file(path, named=False)


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts in a kustomization that may name a file or folder: `web.yaml`, or `key=web.yaml`."""
    if isinstance(value, str) and not {"\n", "\0"} & {*value}:
        yield from (value, value.partition("=")[2])
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _unreadable(path: Path, error: OSError) -> str:
    return f"{path}: {(error.strerror or str(error)).lower()}"
