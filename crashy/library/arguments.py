"""What the library is given: what can't be is refused at once, by a line with its name, its value and what is expected.

The wrong type is a TypeError, the wrong value a BadInput, which is a ValueError.
"""

from __future__ import annotations

import math
import re
import reprlib
from numbers import Integral, Real

from crashy.errors import BadInput


def wrong(name: str, value: object, allowed: str) -> str:
    """Return the line that says so."""
    return f"{name}: {reprlib.repr(value)}: must be {allowed}"


def text(name: str, value: object, allowed: str = "text", *, empty: bool = True) -> str:
    """Return a text, which may be empty or not."""
    if not isinstance(value, str):
        raise TypeError(wrong(name, value, allowed))
    if not value and not empty:
        raise BadInput(wrong(name, value, allowed))
    return value


def whole(name: str, value: object, least: int | None = None) -> int:
    """Return a whole number."""
    allowed = "a whole number" if least is None else f"a whole number, {least} or more"
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(wrong(name, value, allowed))
    number = int(value)
    if least is not None and number < least:
        raise BadInput(wrong(name, value, allowed))
    return number


def seconds(name: str, value: object) -> float:
    """Return how long to wait, which may be for ever."""
    allowed = "a number of seconds, 0 or more"
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(wrong(name, value, allowed))
    try:
        number = float(value)
    except OverflowError:
        number = math.nan
    if not number >= 0:  # so a NaN is refused too
        raise BadInput(wrong(name, value, allowed))
    return number


def pattern(name: str, value: object) -> str:
    """Return a regular expression."""
    allowed = "a regular expression"
    found = text(name, value, allowed)
    try:
        re.compile(found)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadInput(f"{wrong(name, value, allowed)}: {error}") from None
    return found
