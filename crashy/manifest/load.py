"""From paths to documents: files, folders, kustomizations and standard input."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from crashy.manifest.kustomization import KUSTOMIZATIONS
from crashy.manifest.kustomize import build
from crashy.manifest.parse import MAX_BYTES, parse
from crashy.objects.document import Document

SUFFIXES = (".yaml", ".yml", ".json")


def gather(paths: Sequence[str], stdin: BinaryIO | None = None) -> tuple[list[Document], list[str]]:
    """Return the documents at `paths` and a line for each error.

    Of a folder, read its kustomization, if it has one, else its own *.yaml, *.yml and *.json in the order of their
    names; `-` is standard input. Each object must be a mapping; its content is not checked.
    """
    documents: list[Document] = []
    errors: list[str] = []
    if not paths:
        errors.append("no manifest: name a file, a folder, or - for standard input")
    if paths.count("-") > 1:
        errors.append("-: standard input can be read only once")
    for path in dict.fromkeys(paths) if paths.count("-") > 1 else paths:
        found, wrong = _standard_input(stdin) if path == "-" else _path(Path(path))
        documents += found
        errors += wrong
    return documents, errors


def _standard_input(stdin: BinaryIO | None) -> tuple[list[Document], list[str]]:
    return parse((stdin or sys.stdin.buffer).read(MAX_BYTES + 1), "standard input")


def _path(path: Path) -> tuple[list[Document], list[str]]:
    try:
        if not path.is_dir():
            return build(path.parent, read_file) if path.name in KUSTOMIZATIONS else read_file(path)
        names = {entry.name for entry in path.iterdir() if not entry.name.startswith(".")}
        manifests = sorted(name for name in names if name.endswith(SUFFIXES) and (path / name).is_file())
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        return [], [f"{path}: {_reason(error)}"]
    if names & set(KUSTOMIZATIONS):
        return build(path, read_file)
    if not manifests:
        return [], [f"{path}: this folder holds no manifest (*.yaml, *.yml, *.json)"]
    documents: list[Document] = []
    errors: list[str] = []
    for name in manifests:
        found, wrong = read_file(path / name)
        documents += found
        errors += wrong
    return documents, errors


def read_file(path: Path) -> tuple[list[Document], list[str]]:
    """Return the documents of one file, or the error that prevents reading it."""
    data, error = read_bytes(path)
    return ([], [error]) if error else parse(data, str(path))


def read_bytes(path: Path) -> tuple[bytes, str]:
    """Return what a file holds, at most a byte more than is read of one, or the error that prevents reading it."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1), ""
    except (OSError, ValueError) as error:
        return b"", f"{path}: {_reason(error)}"


def _reason(error: OSError | ValueError) -> str:
    text = error.strerror if isinstance(error, OSError) else None
    return (text or str(error)).lower().removesuffix(".")
