"""What the patient depends on, as DEPENDENCIES names it, and what it has seen of each. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Protocol
from urllib.parse import urlsplit

from crashy.faults.base import Fault
from crashy.faults.health import Health
from crashy.faults.scope import Look, ProbeName

PERIOD = 1.0
"""Seconds from the beginning of a look to the next."""
TIMEOUT = 3.0
"""Seconds after which a look has failed."""
SLOW = 0.5
"""Seconds from which on a dependency that answers is slow."""

State = Literal["unknown", "up", "slow", "down"]

_PORTS = {"redis": 6379, "mysql": 3306, "tcp": 0, "http": 80, "https": 443}
_MOST = 20


class Dependency(NamedTuple):
    """One dependency, named by its host, or by as much of its URL as no other has.

    A password in the URL was dropped; `path`, with the query, is never shown.
    """

    kind: str
    name: str
    host: str
    port: int
    path: str = "/"

    @property
    def url(self) -> str:
        """Its URL as it is shown."""
        return f"{self.kind}://{_place(self.host, self.port)}"

    @property
    def look(self) -> Look:
        """What faults see of a look at it."""
        return Look(self.host, self.port, self.name)

    def __repr__(self) -> str:
        return f"Dependency({self.url!r})"


def read(text: str) -> tuple[Dependency, ...]:
    """Read the URLs in a text with commas between; raises ValueError.

    >>> read("redis://:secret@cache, http://auth:8080/healthz?key=1")
    (Dependency('redis://cache:6379'), Dependency('http://auth:8080'))
    """
    found = [_read(part.strip()) for part in text.split(",")]
    if len(found) > _MOST or len({one.url for one in found}) < len(found):
        raise ValueError
    names = [(one.host, _place(one.host, one.port), one.url) for one in found]
    chosen = [next(name for name in own if sum(name in other for other in names) == 1) for own in names]
    return tuple(one._replace(name=name) for one, name in zip(found, chosen, strict=True))


def _read(url: str) -> Dependency:
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = _PORTS.get(parts.scheme, 0) if parts.port is None else parts.port * (parts.scheme in _PORTS)
    if not port or not url.isascii() or not re.fullmatch(r"[0-9a-z][0-9a-z._-]{0,252}|[0-9a-f:.]*:[0-9a-f:.]*", host):
        raise ValueError
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isprintable() or " " in path:
        raise ValueError
    return Dependency(parts.scheme, "", host, port, path)


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _Settings(Protocol):
    """The settings that are about dependencies."""

    @property
    def dependencies(self) -> tuple[Dependency, ...]: ...
    @property
    def readiness_checks_dependencies(self) -> bool: ...
    @property
    def liveness_checks_dependencies(self) -> bool: ...


class Seen(NamedTuple):
    """What the last look at a dependency has shown, and how many seconds it took."""

    state: State = "unknown"
    seconds: float = 0.0
    failure: str = ""


class Dependencies:
    """The dependencies of one patient, and what it has seen of each; `readiness` and `liveness` check them or don't.

    The probe that checks them fails while one is down, readiness also before the first look at each has ended; its
    response takes as long as the slowest of the last looks: it is an app that asks them when it is asked itself.
    """

    def __init__(self, dependencies: Sequence[Dependency], *, readiness: bool, liveness: bool) -> None:
        self._seen = dict.fromkeys(dependencies, Seen())
        self._checks: dict[ProbeName, bool] = {"readiness": readiness, "liveness": liveness}

    @classmethod
    def of(cls, settings: _Settings) -> Dependencies | None:
        """Return those that settings name, None if they name none."""
        if not settings.dependencies:
            return None
        return cls(
            settings.dependencies,
            readiness=settings.readiness_checks_dependencies,
            liveness=settings.liveness_checks_dependencies,
        )

    def __iter__(self) -> Any:
        return iter(self._seen)

    def saw(self, dependency: Dependency, seconds: float, failure: str) -> str:
        """Note what a look has shown, an empty `failure` for an answer; return a line about a change, else nothing."""
        state: State = "down" if failure else "slow" if seconds >= SLOW else "up"
        before, self._seen[dependency] = self._seen[dependency], Seen(state, seconds, failure)
        if (state, failure) == (before.state, before.failure):
            return ""
        why = failure or (f"{seconds:.2f}s" if state == "slow" else "")
        return f"dependency {dependency.name} ({dependency.url}) is {state}{why and f': {why}'}"

    def health(self) -> Health:
        """Return the health of the probes that check dependencies."""
        states = {seen.state for seen in self._seen.values()}
        return Health(
            readiness=not (self._checks["readiness"] and states & {"down", "unknown"}),
            liveness=not (self._checks["liveness"] and "down" in states),
        )

    def concerned(self, fault: Fault) -> bool:
        """Return whether a fault is about one of them, or about its name."""
        looks = [look for one in self._seen for look in (one.look, one.look._replace(name="", lookup=True))]
        return any(fault.matches_look(look) for look in looks)

    def wait(self, probe: ProbeName | None) -> float:
        """Return the seconds that a probe's response takes longer, as it asks them."""
        if probe is None or not self._checks.get(probe):
            return 0.0
        return max(seen.seconds for seen in self._seen.values())

    def describe(self) -> list[dict[str, Any]]:
        """Return each for `GET /admin/status`."""
        return [
            {
                "name": dependency.name,
                "url": dependency.url,
                "state": seen.state,
                "seconds": None if seen.state == "unknown" else round(seen.seconds, 3),
                "failure": seen.failure,
            }
            for dependency, seen in self._seen.items()
        ]

    def page(self) -> tuple[int, str]:
        """Return the status and the text of `GET /dependencies`: 503 while one is down, or not known yet."""
        seen = self._seen.items()
        lines = [f"{one.name} {one.url} {it.state}{it.failure and f': {it.failure}'}\n" for one, it in seen]
        bad = any(it.state in {"down", "unknown"} for _, it in seen)
        return 503 if bad else 200, "".join(lines)
