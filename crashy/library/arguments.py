"""Validation of the library's arguments: a wrong type is a TypeError, a wrong value a BadInput (a ValueError)."""

from __future__ import annotations

import math
import re
import reprlib
from numbers import Integral, Real

from crashy.errors import BadInput
from crashy.fields.units import DISTRIBUTION, parse_distribution


def wrong(name: str, value: object, allowed: str) -> str:
    """Return an error's line: the name, the value, what is allowed."""
    return f"{name}: {reprlib.repr(value)}: must be {allowed}"


def text(name: str, value: object, allowed: str = "text", *, empty: bool = True) -> str:
    """Return a text; it may be empty unless `empty` is False."""
    if not isinstance(value, str):
        raise TypeError(wrong(name, value, allowed))
    if not value and not empty:
        raise BadInput(wrong(name, value, allowed))
    return value


def whole(name: str, value: object, least: int | None = None) -> int:
    """Return a whole number, `least` or more."""
    allowed = "a whole number" if least is None else f"a whole number, {least} or more"
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(wrong(name, value, allowed))
    number = int(value)
    if least is not None and number < least:
        raise BadInput(wrong(name, value, allowed))
    return number


def seconds(name: str, value: object) -> float:
    """Return a duration in seconds, which may be infinite."""
    allowed = "a number of seconds, 0 or more"
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(wrong(name, value, allowed))
    try:
        number = float(value)
    except OverflowError:
        number = math.nan
    if not number >= 0:  # refuses NaN too
        raise BadInput(wrong(name, value, allowed))
    return number


def delay(name: str, value: object) -> str:
    """Return a duration, or what durations are drawn from, as its text."""
    found = text(name, value, DISTRIBUTION)
    try:
        return str(parse_distribution(found))
    except ValueError as error:
        raise BadInput(wrong(name, value, str(error))) from None


def pattern(name: str, value: object) -> str:
    """Return a regular expression."""
    allowed = "a regular expression"
    found = text(name, value, allowed)
    try:
        re.compile(found)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadInput(f"{wrong(name, value, allowed)}: {error}") from None
    return found
