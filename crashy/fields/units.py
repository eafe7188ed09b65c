"""Durations and distributions of durations, as people write them."""

from __future__ import annotations

import random
import re
from bisect import bisect_right
from itertools import pairwise
from typing import NamedTuple, Protocol

DAY = 86_400.0
DURATION = "a duration such as 10s, 1m30s or 250ms"
DISTRIBUTION = "a duration (300ms), a range (100ms..2s) or percentiles (p50=20ms,p90=200ms,p99=2s)"

_UNITS = {"h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1000, "us": 1}
_DIGITS = 9
_NUMBER = rf"[0-9]{{1,9}}(?:\.[0-9]{{1,{_DIGITS}}})?"
_PART = rf"({_NUMBER})(ms|us|h|m|s)"
PATTERN = rf"^(?:{_NUMBER}|(?:{_NUMBER}(?:ms|us|h|m|s))+)$"
"""What the text of a duration looks like, as a regular expression of JSON Schema."""


def parse_duration(value: str | float) -> float:
    """Return the seconds in `1m30s`, `250ms`, `5` or 5: never negative, to the microsecond.

    A number without a unit counts seconds; units are h, m, s, ms and us, several of them add up.
    Raises ValueError, which says what is allowed, on anything else.
    """
    microseconds = _read(value.strip()) if isinstance(value, str) else _number(value)
    if microseconds is None:
        raise ValueError(DURATION)
    return microseconds / 1_000_000


def _number(value: float) -> int | None:
    # A bool is an int to Python, a NaN compares with nothing, and 1e15 s is no duration of this world.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        return None
    return round(value * 1_000_000)


def _read(text: str) -> int | None:
    # In whole numbers: as floats, parts would not add up to what is written, and `decimal` is slow to import,
    # as patterns are to compile: most settings are whole seconds.
    if len(text) < _DIGITS and text.isascii() and text.isdigit():
        return int(text) * _UNITS["s"]
    if re.fullmatch(_NUMBER, text):
        text += "s"
    parts = re.findall(_PART, text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    total = 0
    for number, unit in parts:
        whole, _, fraction = number.partition(".")
        total += int(whole + fraction.ljust(_DIGITS, "0")) * _UNITS[unit]
    scale: int = 10**_DIGITS
    return (total + scale // 2) // scale


def format_duration(seconds: float) -> str:
    """Write seconds so that `parse_duration` reads the same number back: `1h`, `1m30s`, `2.5s`, `250ms`, `0s`."""
    rest = round(seconds * 1_000_000)
    if 0 < rest < _UNITS["s"]:
        return f"{_quotient(rest, 'ms')}ms"
    parts = []
    for unit in ("h", "m"):
        count, rest = divmod(rest, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    if rest or not parts:
        parts.append(f"{_quotient(rest, 's')}s")
    return "".join(parts)


def _quotient(microseconds: int, unit: str) -> str:
    whole, rest = divmod(microseconds, _UNITS[unit])
    places = len(str(_UNITS[unit])) - 1
    return f"{whole}.{rest:0{places}}".rstrip("0").rstrip(".")


def plain(number: float) -> str:
    """Write a number without an exponent and without zeros at its end."""
    from decimal import Decimal  # noqa: PLC0415 - few need it, and every start would pay

    text = f"{Decimal(repr(number)):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class Distribution(Protocol):
    """Something that durations are drawn from; `str()` gives the text it is parsed from."""

    @property
    def longest(self) -> float:
        """The longest duration that can be drawn, in seconds."""

    @property
    def shortest(self) -> float:
        """The shortest duration that can be drawn, in seconds."""

    def sample(self, rng: random.Random) -> float:
        """Draw one duration in seconds."""


class Fixed(NamedTuple):
    """Always the same duration."""

    longest: float

    @property
    def shortest(self) -> float:
        """The only duration."""
        return self.longest

    def sample(self, rng: random.Random) -> float:
        """Return the duration; nothing is drawn."""
        return self.longest

    def __str__(self) -> str:
        return format_duration(self.longest)


class Uniform(NamedTuple):
    """Every duration from the shortest to the longest is as likely."""

    shortest: float
    longest: float

    def sample(self, rng: random.Random) -> float:
        """Draw one duration in seconds."""
        return rng.uniform(self.shortest, self.longest)

    def __str__(self) -> str:
        return f"{format_duration(self.shortest)}..{format_duration(self.longest)}"


class Percentiles(NamedTuple):
    """A curve through percentiles: straight lines between them, from 0 s below the first, flat above the last."""

    points: tuple[tuple[float, float], ...]
    """(percentile 0..100, seconds), both rising."""

    @property
    def longest(self) -> float:
        """The duration at the highest percentile named."""
        return self.points[-1][1]

    @property
    def shortest(self) -> float:
        """The duration at 0 %; 0 if the curve does not begin there."""
        percentile, seconds = self.points[0]
        return 0.0 if percentile else seconds

    def sample(self, rng: random.Random) -> float:
        """Draw one duration in seconds."""
        at = rng.random() * 100
        above = bisect_right(self.points, at, key=lambda point: point[0])
        if above == len(self.points):
            return self.longest
        low, low_seconds = self.points[above - 1] if above else (0.0, 0.0)
        high, high_seconds = self.points[above]
        return low_seconds + (high_seconds - low_seconds) * (at - low) / (high - low)

    def __str__(self) -> str:
        return ",".join(f"p{plain(percentile)}={format_duration(seconds)}" for percentile, seconds in self.points)


_PERCENTILE = rf"p({_NUMBER})=(.+)"


def parse_distribution(value: str | float) -> Distribution:
    """Read `300ms`, `100ms..2s` or `p50=20ms,p90=200ms,p99=2s`; raises ValueError, which says what is allowed."""
    try:
        if isinstance(value, str) and ".." in value:
            shortest, _, longest = value.partition("..")
            return _uniform(parse_duration(shortest), parse_duration(longest))
        if isinstance(value, str) and value.startswith("p"):
            return _percentiles(value)
        return Fixed(parse_duration(value))
    except _OrderError:
        raise
    except ValueError:
        raise ValueError(DISTRIBUTION) from None


class _OrderError(ValueError):
    """Each part can be read, but they don't rise."""


def _uniform(shortest: float, longest: float) -> Distribution:
    if shortest > longest:
        raise _OrderError("a range that begins with its shorter end, such as 100ms..2s")
    return Uniform(shortest, longest)


def _percentiles(text: str) -> Distribution:
    points = []
    for part in text.split(","):
        match = re.fullmatch(_PERCENTILE, part.strip())
        if match is None:
            raise ValueError(DISTRIBUTION)
        points.append((float(match[1]), parse_duration(match[2])))
    pairs = list(pairwise(points))
    if points[-1][0] > 100 or any(a[0] >= b[0] or a[1] > b[1] for a, b in pairs):
        raise _OrderError("percentiles from p0 to p100 that rise, as their durations do, such as p50=20ms,p99=2s")
    return Percentiles(tuple(points))
