"""The values of an experiment file, read one by one; what is wrong is gathered, with its place."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from crashy.fields.units import parse_duration
from crashy.objects.document import Document, one_line

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

    def mapping(self, value: Any, path: str, known: Collection[str]) -> Mapping[str, Any]:
        """Return a mapping with known keys only; unknown ones are mistakes, and so is anything else."""
        if not isinstance(value, dict):
            self.wrong(path, f"must be a mapping, not {_kind(value)}")
            return {}
        for key in value:
            if known and key not in known:
                near = difflib.get_close_matches(key, known, 1)
                hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
                self.wrong(f"{path}.{key}" if path else key, f"no such key; {hint}")
        return {key: value[key] for key in value if not known or key in known}

    def list(self, value: Any, path: str) -> list[Any]:
        """Return a list."""
        if not isinstance(value, list):
            self.wrong(path, f"must be a list, not {_kind(value)}")
            return []
        return value

    def text(self, value: Any, path: str) -> str:
        """Return a text that isn't empty."""
        if not isinstance(value, str) or not value.strip():
            self.wrong(path, f"must be a text, not {_kind(value) if value != '' else 'an empty one'}")
            return ""
        return value

    def parsed(self, value: Any, path: str, parse: Callable[[str], T]) -> T | None:
        """Return what `parse` makes of a text; its ValueError is a mistake."""
        if not isinstance(value, str):
            value = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
        if not isinstance(value, str):
            self.wrong(path, f"must be a text, not {_kind(value)}")
            return None
        try:
            return parse(value)
        except ValueError as error:
            self.wrong(path, f"{value!r}: {error}")
            return None

    def duration(self, value: Any, path: str, *, least: float = 0.0) -> float | None:
        """Return seconds."""
        try:
            seconds = parse_duration(value)
        except (ValueError, TypeError) as error:
            said = error if isinstance(error, ValueError) else "a duration such as 10s"
            self.wrong(path, f"{value!r}: must be {said}")
            return None
        if seconds < least or (least == 0.0 and seconds < 0):
            self.wrong(path, f"{value!r}: must be at least {least:g} seconds")
            return None
        return seconds

    def whole(self, value: Any, path: str, least: int, most: int) -> int | None:
        """Return a whole number within bounds."""
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self.wrong(path, f"{value!r}: must be a whole number from {least} to {most}")
            return None
        return value

    def number(self, value: Any, path: str, most: float) -> float | None:
        """Return a number above 0."""
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= most:
            self.wrong(path, f"{value!r}: must be a number above 0, at most {most:g}")
            return None
        return float(value)

    def choice(self, value: Any, path: str, allowed: Collection[T]) -> T | None:
        """Return one of those allowed."""
        if value not in allowed:
            self.wrong(path, f"{value!r}: must be one of {', '.join(map(str, allowed))}")
            return None
        return value  # type: ignore[no-any-return]


def _kind(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case _:
            return "a text"
