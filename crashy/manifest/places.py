"""Values that know where they were written: what a kustomization moves, merges or patches keeps its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, SupportsIndex

from crashy.objects.document import Document, Source

Spend = Callable[[int], None]  # counts the values that are written; raises PatchError for too many


class Place(NamedTuple):
    """A file, a line and a column, both counted from 1."""

    file: str
    line: int
    column: int = 1


class Fields(dict[str, Any]):
    """A mapping, and where each key was written, as far as that is known."""

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        super().__init__(values or {})
        self.places: dict[str, Place] = dict(values.places) if isinstance(values, Fields) else {}

    def put(self, key: str, value: Any, place: Place | None) -> None:
        """Set a key's value, written at `place`; None keeps the key's place."""
        self[key] = value
        if place:
            self.places[key] = place


class Items(list[Any]):
    """A list, and where each item was written, as far as that is known."""

    def __init__(self, values: list[Any] | None = None) -> None:
        super().__init__(values or ())
        self.places: list[Place | None] = list(values.places) if isinstance(values, Items) else [None] * len(self)

    def put(self, at: SupportsIndex, value: Any, place: Place | None) -> None:
        """Insert an item, written at `place`, before position `at`."""
        self.insert(at, value)
        self.places.insert(at, place)

    def take(self, at: int) -> Any:
        """Remove and return an item."""
        self.places.pop(at)
        return self.pop(at)


@dataclass(frozen=True, slots=True)
class Positions:
    """Where the paths of one document, or of one patch `above` lines below its file's first, were written."""

    file: str
    lines: Mapping[str, int]
    columns: Mapping[str, int]
    words: Mapping[str, str]
    above: int = 0

    def at(self, path: str) -> Place | None:
        """Return where `path` was written."""
        if path not in self.lines:
            return None
        return Place(self.file, self.lines[path] + self.above, self.columns.get(path, 1))

    def placed(self, value: Any, path: str = "") -> Any:
        """Return a deep copy, without parts shared by aliases, in which each part knows its place; words are text."""
        if isinstance(value, dict):
            fields = Fields()
            for key, inner in value.items():
                below = f"{path}.{key}" if path else key
                fields.put(key, self.placed(inner, below), self.at(below))
            return fields
        if isinstance(value, list):
            items = Items()
            for number, inner in enumerate(value):
                below = f"{path}[{number}]"
                items.put(number, self.placed(inner, below), self.at(below))
            return items
        return self.words.get(path, value)


def place_object(document: Document) -> Any:
    """Return a document's object as one of which each part knows its place."""
    positions = Positions(document.file, document.lines, document.columns, document.words)
    return positions.placed(document.object, document.prefix)


def copy(value: Any) -> Any:
    """Return a deep copy in which each part keeps its place."""
    if isinstance(value, dict):
        fields = Fields(value)
        fields.update((key, copy(inner)) for key, inner in value.items())
        return fields
    if isinstance(value, list):
        items = Items(value)
        items[:] = [copy(inner) for inner in value]
        return items
    return value


def size(value: Any) -> int:
    """Return how many values there are in a value, itself included; 1000 characters of text count as one more."""
    if isinstance(value, dict):
        return 1 + sum(map(size, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(size, value))
    return 1 + (len(value) // 1000 if isinstance(value, str) else 0)


def written(document: Document, value: Any) -> Document:
    """Return a document with this object instead of its own, plain again; its paths lead to where they are now.

    What stands in another file (a patch's) is in `patched`.
    """
    lines: dict[str, int] = {}
    columns: dict[str, int] = {}
    patched: dict[str, Source] = {}

    def note(path: str, place: Place | None) -> None:
        if place and place.file == document.file:
            lines[path], columns[path] = place.line, place.column
        elif place:
            patched[path] = Source(place.file, place.line)

    def plain(value: Any, path: str) -> Any:
        if isinstance(value, dict):
            places = value.places if isinstance(value, Fields) else {}
            result = {}
            for key, inner in value.items():
                below = f"{path}.{key}" if path else key
                note(below, places.get(key))
                result[key] = plain(inner, below)
            return result
        if isinstance(value, list):
            marks = value.places if isinstance(value, Items) else [None] * len(value)
            for number, place in enumerate(marks):
                note(f"{path}[{number}]", place)
            return [plain(inner, f"{path}[{number}]") for number, inner in enumerate(value)]
        return value

    root = document.prefix
    note(root, Place(document.file, document.line, document.columns.get(root, 1)))
    changed = plain(value, root)
    return replace(document, object=changed, lines=lines, columns=columns, patched=patched)
