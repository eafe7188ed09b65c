"""What a field may be: one small class a kind, which reads it from text and JSON, bounds it, and describes it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from crashy.fields.units import DAY, DURATION, PATTERN, format_duration, parse_duration

T = TypeVar("T")


def show(value: object) -> str:
    """Return a value as an error message quotes it: short, on one line."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value) if isinstance(value, str) else json.dumps(value, default=repr)
    return text if len(text) <= 60 else f"{text[:57]}..."


class Kind(Generic[T]):
    """One kind of field. Reading raises ValueError with what is allowed."""

    type: str
    """The kind's name in the catalogue of faults."""
    allowed: str
    """What may be given, for people."""
    schema: Mapping[str, Any]
    """What may be given, as JSON Schema."""

    def from_json(self, value: Any) -> T:
        """Read a JSON value."""
        raise NotImplementedError

    def from_text(self, text: str) -> T:
        """Read the text of a variable, a flag, or behind the `=` of a spec."""
        return self.from_json(text)

    def to_json(self, value: T) -> Any:
        """Write a value so that `from_json` reads it back."""
        return value

    def to_text(self, value: T) -> str:
        """Write a value so that `from_text` reads it back."""
        return str(self.to_json(value))


class Integer(Kind[int]):
    """A whole number from `low` to `high`."""

    type = "integer"

    def __init__(self, low: int, high: int, what: str = "a whole number") -> None:
        self.low, self.high = low, high
        self.allowed = f"{what} from {low} to {high}"
        self.schema = {"type": "integer", "minimum": low, "maximum": high}

    def from_json(self, value: Any) -> int:
        """Read a whole number; 3.0 is one, as in JSON Schema."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not self.low <= value <= self.high:
            raise ValueError(self.allowed)
        return value

    def from_text(self, text: str) -> int:
        """Read decimal digits."""
        return self.from_json(int(text) if re.fullmatch(r"[0-9]{1,18}", text) else text)


class Probability(Kind[float]):
    """A share from 0 to 1."""

    type = "number"
    allowed = "a probability from 0 to 1, such as 0.3"
    schema = {"type": "number", "minimum": 0, "maximum": 1}  # noqa: RUF012 - never written to

    def from_json(self, value: Any) -> float:
        """Read a number."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise ValueError(self.allowed)
        return abs(float(value))  # a negative zero can't be written as text

    def from_text(self, text: str) -> float:
        """Read a decimal number."""
        return self.from_json(
            float(text) if re.fullmatch(r"[0-9]{0,20}\.?[0-9]{1,20}(?:e-?[0-9]{1,3})?", text) else text
        )


class Duration(Kind[float]):
    """Seconds, from more than nothing (or nothing, if `zero`) to 24 h, or to `most`."""

    type = "duration"

    def __init__(self, *, zero: bool, most: float = DAY) -> None:
        self.zero = zero
        self.most = most
        self.allowed = f"{DURATION}, {'' if zero else 'more than 0s and '}at most {format_duration(most)}"
        number = {"type": "number", "maximum": most, "minimum" if zero else "exclusiveMinimum": 0}
        self.schema = {"anyOf": [number, {"type": "string", "pattern": PATTERN}]}

    def from_json(self, value: Any) -> float:
        """Read a text with units, or a number of seconds."""
        try:
            seconds = parse_duration(value)
        except ValueError:
            raise ValueError(DURATION) from None
        if seconds > self.most or (seconds == 0 and not self.zero):
            raise ValueError(self.allowed)
        return seconds

    def to_json(self, value: float) -> str:
        """Write a duration with its units."""
        return format_duration(value)


class OneOf(Kind[str]):
    """One of a few words, written exactly so."""

    type = "choice"

    def __init__(self, *options: str, schema: Mapping[str, Any] | None = None) -> None:
        self.options = options
        self.allowed = " or ".join(options) if len(options) < 3 else f"one of {', '.join(options)}"
        self.schema = schema or {"enum": list(options)}

    def from_json(self, value: Any) -> str:
        """Read one of the words."""
        if value not in self.options:
            raise ValueError(self.allowed)
        return str(value)


class Choice(OneOf):
    """One of a few words; `prefix` may stand before it (`SIG`), and case doesn't matter."""

    def __init__(self, *options: str, prefix: str = "") -> None:
        spelled = [*options, *(f"{prefix}{option}" for option in options if prefix)]
        super().__init__(*options, schema={"type": "string", "enum": spelled})
        self._options = {word.lower(): word.removeprefix(prefix) for word in spelled}

    def from_json(self, value: Any) -> str:
        """Read one of the words."""
        if not isinstance(value, str) or value.lower() not in self._options:
            raise ValueError(self.allowed)
        return self._options[value.lower()]


class Text(Kind[str]):
    """Any text up to a length."""

    type = "text"

    def __init__(self, longest: int) -> None:
        self.longest = longest
        self.allowed = f"a text of at most {longest} characters"
        self.schema = {"type": "string", "maxLength": longest}

    def from_json(self, value: Any) -> str:
        """Read a text; a lone surrogate is none, for it can't be sent."""
        if not isinstance(value, str) or len(value) > self.longest or re.search("[\ud800-\udfff]", value):
            raise ValueError(self.allowed)
        return value


class Shaped(Kind[str]):
    """A text that matches a pattern completely."""

    type = "text"

    def __init__(self, pattern: str, allowed: str) -> None:
        self._pattern = pattern
        self.allowed = allowed
        self.schema = {"type": "string", "pattern": f"^{pattern}$"}

    def from_json(self, value: Any) -> str:
        """Read a text."""
        if not isinstance(value, str) or not re.fullmatch(self._pattern, value):
            raise ValueError(self.allowed)
        return value


class Words(Kind[tuple[str, ...]]):
    """A list of words that each match a pattern: in a text, commas stand between them."""

    type = "list"

    def __init__(self, pattern: str, allowed: str, *, most: int = 20, upper: bool = False) -> None:
        self._pattern = pattern
        self._most = most
        self._upper = upper
        self.allowed = f"{allowed} (at most {most})"
        items = {"type": "string", "pattern": f"^{pattern}$"}
        text = {"type": "string", "pattern": f"^{pattern}(?: *, *{pattern}){{0,{most - 1}}}$"}
        self.schema = {"anyOf": [{"type": "array", "minItems": 1, "maxItems": most, "items": items}, text]}

    def from_json(self, value: Any) -> tuple[str, ...]:
        """Read a list, or a text with commas."""
        words = re.split(" *, *", value) if isinstance(value, str) else value
        if not isinstance(words, list) or not 1 <= len(words) <= self._most:
            raise ValueError(self.allowed)
        if not all(isinstance(word, str) and re.fullmatch(self._pattern, word) for word in words):
            raise ValueError(self.allowed)
        return tuple(dict.fromkeys(word.upper() if self._upper else word for word in words))

    def to_json(self, value: tuple[str, ...]) -> list[str]:
        """Write a list."""
        return list(value)

    def to_text(self, value: tuple[str, ...]) -> str:
        """Write the words with commas between."""
        return ",".join(value)
