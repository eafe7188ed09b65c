"""Quantities of CPU and memory: `500m`, `128Mi`, `1e3`. Source: apimachinery: pkg/api/resource/quantity.go."""

from __future__ import annotations

import re
from fractions import Fraction

_FORM = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))([numkMGTPE]|[KMGTPE]i|[eE][+-]?\d{1,3}|)")
_DECIMAL = {suffix: Fraction(10) ** (3 * power) for power, suffix in enumerate(("n", "u", "m", "", *"kMGTPE"), -3)}
_BINARY = {f"{suffix}i": Fraction(1024**power) for power, suffix in enumerate("KMGTPE", 1)}


def parse_quantity(text: str | int | float) -> Fraction:
    """Return the amount in its unit (cores, bytes); raises ValueError with the API server's text."""
    match = _FORM.fullmatch(str(text))
    if not match:
        raise ValueError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    number, suffix = match.groups()
    scale = (_DECIMAL | _BINARY).get(suffix)
    return Fraction(number) * (scale if scale is not None else Fraction(10) ** int(suffix[1:]))
