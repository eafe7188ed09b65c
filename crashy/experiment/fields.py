"""The values of an experiment file, read one by one; what is wrong is gathered, with its place."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from crashy.experiment.values import Filled, MistakeError, Parsed, Span, type_of
from crashy.fields import Declared
from crashy.fields.values import Kind
from crashy.objects.document import Document, one_line

D = TypeVar("D", bound=Declared)
T = TypeVar("T")


class Fields:
    """Reads the fields of one document and keeps a line, `FILE:LINE:COLUMN: PATH: TEXT`, for each mistake."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.errors: list[tuple[int, int, str]] = []

    def wrong(self, path: str, text: str) -> None:
        """Note a mistake."""
        line, column = self.document.line_of(path), self.document.column_of(path)
        place = f"{self.document.file}:{line}:{column}: "
        self.errors.append((line, column, one_line(place + (f"{path}: {text}" if path else text))))

    def lines(self) -> list[str]:
        """Return the mistakes in the order of their places."""
        return [text for _, _, text in sorted(self.errors, key=lambda error: error[:2])]

    def record(self, of: type[D], value: Any, path: str) -> D:
        """Return what a mapping declares; a field that is wrong or missing has its default."""
        required = {key.name: None for key in of.keys.values() if key.required}
        return self.given(of, {**required, **self.mapping(value, path, of.keys)}, path)

    def given(self, of: type[D], raw: Mapping[str, Any], path: str) -> D:
        """Return what these fields declare; one that is wrong has its default."""
        there = [key for key in of.keys.values() if key.name in raw]
        read = {key.field: self.read(key.kind, raw[key.name], _at(path, key.name)) for key in there}
        return of(**{field: value for field, value in read.items() if value is not None})

    def read(self, kind: Kind[T], value: Any, path: str) -> T | None:
        """Return what a kind reads."""
        try:
            return kind.from_json(value)
        except MistakeError as mistake:
            self.wrong(path, str(mistake))
        except ValueError as error:
            self.wrong(path, f"{value!r}: must be {error}")
        return None

    def mapping(self, value: Any, path: str, known: Collection[str]) -> Mapping[str, Any]:
        """Return a mapping with known keys only; unknown ones are mistakes, and so is anything else."""
        if not isinstance(value, dict):
            self.wrong(path, f"must be a mapping, not {type_of(value)}")
            return {}
        for key in value:
            if known and key not in known:
                near = difflib.get_close_matches(key, known, 1)
                hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
                self.wrong(_at(path, key), f"no such key; {hint}")
        return {key: value[key] for key in value if not known or key in known}

    def list(self, value: Any, path: str) -> list[Any]:
        """Return a list."""
        if not isinstance(value, list):
            self.wrong(path, f"must be a list, not {type_of(value)}")
            return []
        return value

    def text(self, value: Any, path: str) -> str:
        """Return a text that isn't empty."""
        return self.read(Filled(), value, path) or ""

    def parsed(self, value: Any, path: str, parse: Callable[[str], T]) -> T | None:
        """Return what `parse` makes of a text; its ValueError is a mistake."""
        return self.read(Parsed(parse), value, path)

    def duration(self, value: Any, path: str) -> float | None:
        """Return seconds."""
        return self.read(Span(), value, path)

    def choice(self, value: Any, path: str, allowed: Collection[T]) -> T | None:
        """Return one of those allowed."""
        if value not in allowed:
            self.wrong(path, f"{value!r}: must be one of {', '.join(map(str, allowed))}")
            return None
        return value  # type: ignore[no-any-return]


def _at(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
