"""Sizes and shares as people write them: 300Mi, 1.5Gi, 90%."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from crashy.fields.units import plain
from crashy.fields.values import Integer, Kind

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}
_UNITS["Ti"] = 1 << 40
_NUMBER = r"[0-9]{1,13}(?:\.[0-9]{1,3})?"
_SIZE = rf"({_NUMBER})({'|'.join(_UNITS)})"
_SHARE = rf"({_NUMBER})%"
MOST = 1 << 40
"""Bytes: 1Ti."""


class Share(NamedTuple):
    """A share of a whole, in percent."""

    percent: float

    def of(self, whole: float) -> float:
        """Return the share of a whole."""
        return whole * self.percent / 100

    def __str__(self) -> str:
        return f"{plain(self.percent)}%"


def format_size(size: int) -> str:
    """Write bytes so that they are read back: with the largest unit that leaves a whole number."""
    suffix = next((unit for unit in ("Ti", "Gi", "Mi", "Ki") if size and size % _UNITS[unit] == 0), "")
    return f"{size // _UNITS[suffix]}{suffix}"


class Size(Kind[int]):
    """A number of bytes from 1 to 1Ti, in the units of Kubernetes."""

    type = "size"
    allowed = "a size such as 300Mi, at most 1Ti"
    schema = {  # noqa: RUF012 - never written to
        "anyOf": [{"type": "integer", "minimum": 1, "maximum": MOST}, {"type": "string", "pattern": f"^{_SIZE}$"}]
    }

    def from_json(self, value: Any) -> int:
        """Read a text with a unit, or a number of bytes."""
        if isinstance(value, str) and (match := re.fullmatch(_SIZE, value)):
            value = round(float(match[1]) * _UNITS[match[2]])
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST:
            raise ValueError(self.allowed)
        return value

    def to_json(self, value: int) -> str:
        """Write a size with its unit."""
        return format_size(value)


class Percent(Kind[Share]):
    """A share of more than nothing, up to `most` percent."""

    type = "share"

    def __init__(self, most: int) -> None:
        self.most = most
        self.allowed = f"a share such as 50%, at most {most}%"
        self.schema = {"type": "string", "pattern": f"^{_SHARE}$"}

    def from_json(self, value: Any) -> Share:
        """Read a text with a percent sign."""
        match = re.fullmatch(_SHARE, value) if isinstance(value, str) else None
        if match is None or not 0 < float(match[1]) <= self.most:
            raise ValueError(self.allowed)
        return Share(float(match[1]))

    def to_json(self, value: Share) -> str:
        """Write a share with its percent sign."""
        return str(value)


class OrShare(Kind[int | Share]):
    """A whole number or a size, or a share of something whose size is known later."""

    def __init__(self, number: Integer | Size, most: int) -> None:
        self.type = number.type
        self._number, self._share = number, Percent(most)
        self.allowed = f"{number.allowed}, or {self._share.allowed}"
        self.schema = {"anyOf": [*number.schema.get("anyOf", [number.schema]), self._share.schema]}

    def from_json(self, value: Any) -> int | Share:
        """Read a share where there is a percent sign, else a number."""
        return self._read(value, self._number.from_json)

    def from_text(self, text: str) -> int | Share:
        """Read a share where there is a percent sign, else a number."""
        return self._read(text, self._number.from_text)

    def _read(self, value: Any, number: Callable[[Any], int]) -> int | Share:
        try:
            return self._share.from_json(value) if str(value).endswith("%") else number(value)
        except ValueError:
            raise ValueError(self.allowed) from None

    def to_json(self, value: int | Share) -> Any:
        """Write a share or a number."""
        return str(value) if isinstance(value, Share) else self._number.to_json(value)
