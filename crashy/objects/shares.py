"""Numbers of pods that may also be a share of them, as `25%`: which are valid, and how many pods they are.

Source: kubernetes: pkg/apis/apps/validation/validation.go ValidatePositiveIntOrPercent, IsNotMoreThan100Percent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from crashy.objects.fields import FieldError, invalid
from crashy.objects.reading import at_least


def share_rules(path: str, value: int | str) -> Iterator[FieldError]:
    """Check that it is a number of 0 or more, or a percentage."""
    if isinstance(value, int):
        yield from at_least(path, value, 0)
    elif not re.fullmatch("[0-9]{1,9}%", value):
        text = "a valid percent string must be a numeric string followed by an ending '%'"
        yield invalid(path, value, f"{text} (e.g. '1%', or '93%', regex used for validation is '[0-9]+%')")


def ceiling_rules(path: str, value: int | str) -> Iterator[FieldError]:
    """Check that a percentage is not above 100."""
    if isinstance(value, str) and re.fullmatch("[0-9]{1,9}%", value) and int(value[:-1]) > 100:
        yield invalid(path, value, "must not be greater than 100%")


def is_nothing(value: int | str) -> bool:
    """Return whether it is 0 or 0 %."""
    return value == 0 or (isinstance(value, str) and re.fullmatch("0+%", value) is not None)


def pods_of(value: int | str, total: int) -> Fraction:
    """Return how many pods of `total` it is, not rounded; raises ValueError for what is neither number nor share."""
    if isinstance(value, int):
        return Fraction(value)
    number = value.removesuffix("%")
    if number == value or not (number.isascii() and number.isdigit()):
        raise ValueError(f'invalid value for IntOrString: "{value}" is neither an integer nor a percentage')
    return Fraction(int(number) * total, 100)
