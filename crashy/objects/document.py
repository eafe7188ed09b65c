"""One YAML document: its object, and the position of each part of it."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crashy.errors import BadInput, printable
from crashy.objects.fields import FieldError
from crashy.objects.names import generated

MAX_LINE = 1000  # characters of one error
MAX_LINES = 100  # errors reported at once


@dataclass(frozen=True, slots=True)
class Source:
    """Where an object was written; prints as `deploy.yaml:17`."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Document:
    """An object as it was read: `index` counts the file's documents from 1, `line` its lines from 1.

    `lines` and `columns` map paths written as Kubernetes does (`spec.ports[0].port`) to where their keys are. An
    object out of a `kind: List` is a document of its own; `prefix` (`items[2]`) is its path in the one that was read.
    `patched` maps the paths that a kustomization's patches wrote, with that prefix, to their places in the patches.
    `words` maps paths to what is text for kustomize, and true or false for kubectl: `yes`, `off`.
    """

    file: str
    index: int
    line: int
    object: dict[str, Any]
    lines: Mapping[str, int] = field(default_factory=dict, repr=False)
    prefix: str = ""
    columns: Mapping[str, int] = field(default_factory=dict, repr=False)
    patched: Mapping[str, Source] = field(default_factory=dict, repr=False)
    words: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """Return the object's name; what generateName makes is the same each time for an object's place."""
        metadata = self.object.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        base = metadata.get("generateName")
        if metadata.get("name") or not isinstance(base, str) or not base:
            return str(metadata.get("name") or "")
        return generated(base, random.Random(f"{self.file} {self.index} {self.prefix}"))

    @property
    def source(self) -> Source:
        """Return the place of the object's first line."""
        return Source(self.file, self.line)

    @property
    def place(self) -> str:
        """Return `document 2`, and which item of its list it is."""
        return f"document {self.index}" + (f", {self.prefix}" if self.prefix else "")

    @property
    def title(self) -> str:
        """Return `document 2 (Deployment/web)`, as far as the object has a kind and a name."""
        metadata = self.object.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        words = [word for word in (self.object.get("kind"), name) if isinstance(word, str) and word]
        return f"{self.place} ({'/'.join(words)})" if words else self.place

    def line_of(self, path: str) -> int:
        """Return the line of `path`, or of the nearest parent that was written."""
        path = self._written(path)
        return self.lines[path] if path else self.line

    def column_of(self, path: str) -> int:
        """Return the column of `path`, or of the nearest parent that was written."""
        return self.columns.get(self._written(path), 1)

    def place_of(self, path: str) -> Source:
        """Return the place of `path`, or of the nearest parent that was written, in the file or by a patch."""
        path = self.path_in_file(path)
        while path and path not in self.lines and path not in self.patched:
            path = parent(path)
        return self.patched.get(path) or Source(self.file, self.lines[path] if path else self.line)

    def path_in_file(self, path: str) -> str:
        """Return a path of the object as `lines` and `patched` have it: with its prefix, and no keys in brackets."""
        path = re.sub(r"\[([^\]]*[^\]\d][^\]]*)\]", r".\1", path)  # labels[app], as the API server has it
        return f"{self.prefix}.{path}" if self.prefix and path else path or self.prefix

    def _written(self, path: str) -> str:
        path = self.path_in_file(path)
        while path and path not in self.lines:
            path = parent(path)
        return path

    def message(self, error: FieldError | str) -> str:
        """Return one line that names file, line, document and what is wrong (or worth a warning)."""
        place = self.place_of(error.path) if isinstance(error, FieldError) else self.source
        return f"{place}: {self.title}: {error}"


def parent(path: str) -> str:
    """Return the path that holds `path`: `spec.ports` of `spec.ports[0]`, and an empty one of `spec`."""
    return path[: max(path.rfind("."), path.rfind("["), 0)]


def refusal(lines: Sequence[str]) -> BadInput:
    """Return the exception that reports these mistakes, at most the first MAX_LINES."""
    more = [f"and {len(lines) - MAX_LINES} more mistakes"] if len(lines) > MAX_LINES else []
    return BadInput(*map(one_line, lines[:MAX_LINES]), *more)


def one_line(text: str) -> str:
    """Return a text as one printable line of bounded length, so that a manifest can't control the terminal."""
    shown = printable(text[:MAX_LINE])
    return shown if len(text) <= MAX_LINE else f"{shown}..."
