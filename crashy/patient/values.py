"""The kinds of value that only settings have: read from text, so they need no JSON Schema."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from crashy.faults.base import Fault, parse_specs
from crashy.fields.units import parse_duration
from crashy.fields.values import Integer, Kind

if TYPE_CHECKING:
    from crashy.patient.dependencies import Dependency
    from crashy.patient.probe_settings import ProbeSettings

MAX_SECONDS = 365 * 24 * 3600.0

_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"0", "false", "no", "off"})


class Matching(Kind[str]):
    """A text that matches a pattern completely."""

    def __init__(self, pattern: str, allowed: str) -> None:
        # Not compiled: a pattern that no value needs costs nothing at start.
        self._pattern = pattern
        self.allowed = allowed

    def from_json(self, value: Any) -> str:
        """Read a text."""
        if not re.fullmatch(self._pattern, value):
            raise ValueError(self.allowed)
        return str(value)


class Address(Kind[str]):
    """An IP address, or an empty text."""

    allowed = "an IP address"

    def from_json(self, value: Any) -> str:
        """Read an address and return its canonical form."""
        return str(ip_address(value)) if value else ""


class Port(Integer):
    """A port; `more` adds to the message what else it must be."""

    def __init__(self, more: str) -> None:
        super().__init__(0, 65535)
        self.allowed = f"a port from 0 to 65535 (0: the kernel chooses){more}"


class Ports(Kind[tuple[int, ...]]):
    """A comma-separated list of different ports; only 0 (the kernel chooses) may be repeated."""

    _port = Port(", or a comma list of different ones")
    allowed = _port.allowed

    def from_json(self, value: Any) -> tuple[int, ...]:
        """Read the ports."""
        numbers = tuple(self._port.from_text(part.strip()) for part in value.split(","))
        named = [number for number in numbers if number]
        if len(set(named)) < len(named):
            raise ValueError(self.allowed)
        return numbers

    def to_text(self, value: tuple[int, ...]) -> str:
        """Write the ports with commas between."""
        return ",".join(map(str, value))


class Peers(Kind[tuple[str, ...]]):
    """A comma-separated list of names of hosts, each with a port or without."""

    allowed = "a comma list of names, each with a port or without: db-0.db,db-1.db:8080"

    def from_json(self, value: Any) -> tuple[str, ...]:
        """Read the names."""
        names = tuple(part.strip() for part in value.split(","))
        if not all(re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z._-]{0,252}(:[0-9]{1,5})?", name) for name in names):
            raise ValueError(self.allowed)
        return names

    def to_text(self, value: tuple[str, ...]) -> str:
        """Write the names with commas between."""
        return ",".join(value)


class Probes(Kind[tuple["ProbeSettings", ...]]):
    """A container's probes as its manifest has them, as JSON."""

    allowed = "a container's probes as JSON"

    def from_json(self, value: Any) -> tuple[ProbeSettings, ...]:
        """Read the probes; raises FaultError."""
        from crashy.patient.probe_settings import read  # noqa: PLC0415 - few need it

        return read(value)


class Dependencies(Kind["tuple[Dependency, ...]"]):
    """A comma-separated list of URLs of what the app depends on; passwords in them are dropped."""

    allowed = (
        "a comma list of at most 20 different URLs, redis, mysql, tcp (with a port), http or https: "
        "redis://cache:6379,http://auth/healthz"
    )

    def from_json(self, value: Any) -> tuple[Dependency, ...]:
        """Read the URLs."""
        from crashy.patient import dependencies  # noqa: PLC0415 - few need it

        return dependencies.read(value)


class Switch(Kind[bool]):
    """On or off: 1/true/yes/on or 0/false/no/off, in any case."""

    allowed = "1 or 0"

    def from_json(self, value: Any) -> bool:
        """Read one of these words."""
        if value.lower() not in _YES | _NO:
            raise ValueError(self.allowed)
        return value.lower() in _YES

    def to_text(self, value: bool) -> str:
        """Write 1 or 0."""
        return str(int(value))


class Seconds(Kind[float]):
    """A duration up to a year; as a text it has no unit, as in Kubernetes' own fields."""

    allowed = "a duration from 0 to 365 days: seconds (60, 0.5) or with units (1m30s, 250ms)"

    def from_json(self, value: Any) -> float:
        """Read seconds, or a text with units."""
        seconds = parse_duration(value)
        if seconds > MAX_SECONDS:
            raise ValueError(self.allowed)
        return seconds

    def to_text(self, value: float) -> str:
        """Write the seconds."""
        return f"{value:g}"


class Faults(Kind[tuple[Fault, ...]]):
    """Fault specs with `;` between them."""

    allowed = "fault specs separated by ';'"

    def from_json(self, value: Any) -> tuple[Fault, ...]:
        """Read the specs; raises FaultError."""
        return tuple(parse_specs(value))
