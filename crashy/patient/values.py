"""What a setting's text may be: each parser gives the value or raises ValueError."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from ipaddress import ip_address

from crashy.faults.base import Fault, parse_specs
from crashy.faults.units import parse_duration

# Texts, not compiled: a pattern that no value needs costs nothing at start; re keeps those that it has compiled.
_HOST = r"[0-9A-Za-z][0-9A-Za-z._-]*|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%\w+)?"
_NAME = r"[0-9A-Za-z]([0-9A-Za-z._-]{0,251}[0-9A-Za-z])?"
_TOKEN = r"[!-~]{1,1024}"  # noqa: S105 - what one may look like
_LABEL = r"[ -~]{1,63}"
_COLOR = r"[A-Za-z][0-9A-Za-z]{0,31}|#[0-9A-Fa-f]{3}|#[0-9A-Fa-f]{6}"

_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"0", "false", "no", "off"})


def _matching(pattern: str, *, or_empty: bool = False) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if (or_empty and not text) or re.fullmatch(pattern, text):
            return text
        raise ValueError(text)

    return parse


host = _matching(_HOST)
name = _matching(_NAME, or_empty=True)
token = _matching(_TOKEN, or_empty=True)
label = _matching(_LABEL)
color = _matching(_COLOR, or_empty=True)


def address(text: str) -> str:
    """Read an IP address; nothing means none."""
    return str(ip_address(text)) if text else ""


def integer(low: int, high: int) -> Callable[[str], int]:
    """Make a parser of whole numbers from `low` to `high`."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise ValueError(text)
        return int(text)

    return parse


port_number = integer(0, 65535)


def ports(text: str) -> tuple[int, ...]:
    """Read a comma list of ports; none twice, but 0 (the kernel chooses) may be."""
    numbers = tuple(port_number(part.strip()) for part in text.split(","))
    named = [number for number in numbers if number]
    if len(set(named)) < len(named):
        raise ValueError(text)
    return numbers


def port_or_off(text: str) -> int | None:
    """Read a port; nothing means that there is none."""
    return port_number(text) if text else None


def boolean(text: str) -> bool:
    """Read 1/true/yes/on or 0/false/no/off, in any case."""
    if text.lower() in _YES | _NO:
        return text.lower() in _YES
    raise ValueError(text)


def choice(allowed: Sequence[str]) -> Callable[[str], str]:
    """Make a parser of one of these words."""

    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(text)
        return text

    return parse


LONGEST = 365 * 24 * 3600.0


def seconds(text: str) -> float:
    """Read a duration in seconds, or with a unit (`1m30s`, `250ms`), up to a year."""
    value = parse_duration(text)
    if value > LONGEST:
        raise ValueError(text)
    return value


def seconds_or_off(text: str) -> float | None:
    """Read a duration; nothing means that the countdown isn't armed."""
    return seconds(text) if text else None


def path(text: str) -> str:
    """Read a folder's path; nothing means none."""
    if "\0" in text:
        raise ValueError(text)
    return text


def faults(text: str) -> tuple[Fault, ...]:
    """Read fault specs with `;` between them; raises FaultError, which says what is wrong with which."""
    return tuple(parse_specs(text))
