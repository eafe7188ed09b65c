"""What a field of an experiment file may be, where faults and settings have nothing like it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from crashy.fields.units import PATTERN, Distribution, parse_distribution, parse_duration
from crashy.fields.values import Kind

T = TypeVar("T")

DURATION = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": PATTERN}]}
TEXT = {"type": "string", "minLength": 1}


class MistakeError(ValueError):
    """A whole sentence on what is wrong; any other ValueError of a kind completes `VALUE: must be`."""


def type_of(value: Any) -> str:
    """Name the type of a value of YAML's, for a person."""
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


class Shape(Kind[Any]):
    """Anything for now: what it holds is read with what is around it, as `schema` says."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self.schema = schema

    def from_json(self, value: Any) -> Any:
        """Take it as it is."""
        return value


class Filled(Kind[str]):
    """A text that isn't empty."""

    def __init__(self, schema: Mapping[str, Any] = TEXT) -> None:
        self.schema = schema

    def from_json(self, value: Any) -> str:
        """Read a text."""
        if not isinstance(value, str) or not value.strip():
            raise MistakeError(f"must be a text, not {type_of(value) if value != '' else 'an empty one'}")
        return value


class Name(Filled):
    """An experiment's name."""

    def __init__(self) -> None:
        super().__init__({"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"})

    def from_json(self, value: Any) -> str:
        """Read a name."""
        if not re.fullmatch(self.schema["pattern"], super().from_json(value)):
            raise ValueError("lower-case letters, digits and hyphens, at most 63")
        return str(value)


class Parsed(Kind[T]):
    """What `parse` makes of a text; its ValueError is the mistake. A number may be written without quotes."""

    def __init__(self, parse: Callable[[str], T], schema: Mapping[str, Any] = TEXT) -> None:
        self._parse = parse
        self.schema = schema

    def from_json(self, value: Any) -> T:
        """Read and parse a text."""
        text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
        if not isinstance(text, str):
            raise MistakeError(f"must be a text, not {type_of(value)}")
        try:
            return self._parse(text)
        except ValueError as error:
            raise MistakeError(f"{text!r}: {error}") from None


class UrlPath(Kind[str]):
    """The path of a URL, with its query."""

    schema = {"type": "string", "pattern": "^/"}  # noqa: RUF012 - never written to

    def from_json(self, value: Any) -> str:
        """Read a path."""
        if not isinstance(value, str) or not value.startswith("/") or not value.isprintable() or " " in value:
            raise MistakeError(f"{value!r}: must begin with / and be written as in a URL")
        return value


class Span(Kind[float]):
    """Seconds, at least `least`; at most `days` days, if they are given."""

    schema = DURATION

    def __init__(self, *, least: float = 0.0, days: float | None = None) -> None:
        self._least = least
        self._days = days

    def from_json(self, value: Any) -> float:
        """Read seconds, or a text with units."""
        seconds = parse_duration(value)
        if seconds < self._least:
            raise ValueError(f"at least {self._least:g} seconds")
        if self._days is not None and seconds > self._days * 86_400:
            raise ValueError(f"at most {self._days:g} days")
        return seconds


class Ingress(Kind[Distribution]):
    """How much later than a pod's endpoint an ingress changes: `{lag: 5s}`, or `{lag: 1s..5s}`."""

    schema = {  # noqa: RUF012 - never written to
        "type": "object",
        "required": ["lag"],
        "additionalProperties": False,
        "properties": {"lag": {"anyOf": [{"type": "number", "minimum": 0}, TEXT]}},
    }

    def from_json(self, value: Any) -> Distribution:
        """Read it."""
        if not isinstance(value, dict) or value.keys() != {"lag"}:
            raise ValueError("a mapping with one key, as {lag: 5s}")
        try:
            return parse_distribution(value["lag"])
        except ValueError as error:
            raise MistakeError(f"lag: {value['lag']!r}: must be {error}") from None


class Number(Kind[float]):
    """A number above 0, at most `most`."""

    def __init__(self, most: float) -> None:
        self._most = most
        self.allowed = f"a number above 0, at most {most:g}"
        self.schema = {"type": "number", "exclusiveMinimum": 0, "maximum": most}

    def from_json(self, value: Any) -> float:
        """Read a number."""
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= self._most:
            raise ValueError(self.allowed)
        return float(value)
