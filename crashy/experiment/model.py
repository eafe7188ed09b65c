"""An experiment as data."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from crashy.faults.units import parse_duration
from crashy.objects.manifests import Manifests
from crashy.targets import Target
from crashy.timeline import Event

Outcome = Literal["recovers", "never-recovers", "never-detected", "never-ready", "crash-loops"]
OUTCOMES: tuple[Outcome, ...] = ("recovers", "never-recovers", "never-detected", "never-ready", "crash-loops")
ENGINES = ("lab", "sim", "kube")

_OPERATORS = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
_COMPARISON = re.compile(r"(>=|<=|==|!=|>|<)\s*(\S+)")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A bound on a number: `>= 0.99`, `<= 2s`, `== 1`; durations count in seconds."""

    text: str
    sign: str
    value: float

    @classmethod
    def parse(cls, text: str) -> Comparison:
        """Read one; raises ValueError that says what is allowed."""
        found = _COMPARISON.fullmatch(text.strip())
        if not found:
            raise ValueError("must be a comparison such as '>= 0.99', '<= 2s' or '== 1'")
        try:
            value = parse_duration(found[2])
        except ValueError:
            raise ValueError(f"{found[2]!r}: must be a number or a duration such as 2s") from None
        return cls(text.strip(), found[1], value)

    def holds(self, seen: float) -> bool:
        """Return whether a number keeps the bound."""
        return bool(_OPERATORS[self.sign](seen, self.value))


@dataclass(frozen=True, slots=True)
class Inject:
    """Inject a fault."""

    spec: str


@dataclass(frozen=True, slots=True)
class Recover:
    """Take faults back: `all`, or those of one name."""

    which: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete pods, as `kubectl delete pod`; `grace` seconds replace their own."""

    grace: int | None


@dataclass(frozen=True, slots=True)
class Scale:
    """Set a Deployment's replicas."""

    deployment: str
    replicas: int


@dataclass(frozen=True, slots=True)
class Apply:
    """Apply more manifests, as `kubectl apply`."""

    manifests: Manifests
    text: str


@dataclass(frozen=True, slots=True)
class Load:
    """Ask a Service `requests` times, `concurrency` at once, each when the one before is answered, as `ab` does."""

    service: str
    path: str
    concurrency: int
    requests: int
    timeout: float


@dataclass(frozen=True, slots=True)
class Exec:
    """Run a command in a container (the first, if none is named)."""

    command: tuple[str, ...]
    container: str | None
    timeout: float


Action = Inject | Recover | Delete | Scale | Apply | Load | Exec


@dataclass(frozen=True, slots=True)
class Step:
    """What is done `at` seconds; it never leaves fewer than `keep_ready` ready pods of those it may choose from."""

    at: float
    action: Action
    target: Target | None
    keep_ready: int
    text: str


@dataclass(frozen=True, slots=True)
class Traffic:
    """Whom the users ask: `rate` times a second, each with `timeout` seconds of patience."""

    service: str
    port: str | None
    path: str
    rate: float
    timeout: float


@dataclass(frozen=True, slots=True)
class EventPattern:
    """An event that is expected: its reason, how its object's name begins, what its message holds."""

    reason: str
    object: str = ""
    message: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.object, self.reason, self.message) if part)

    def matches(self, event: Event) -> bool:
        """Return whether an event is as expected; the object's name may begin with its kind (`pod/web`) or not."""
        name = event.object.partition("/")[2]
        named = event.object.startswith(self.object) or name.startswith(self.object)
        return self.reason == event.reason and named and bool(re.search(self.message, event.message))


@dataclass(frozen=True, slots=True)
class Expectations:
    """What is to be seen; what is None (or empty) is not looked at."""

    availability: Comparison | None = None
    max_outage: Comparison | None = None
    errors: Comparison | None = None
    requests_after_leaving: Comparison | None = None
    back_off: Comparison | None = None
    zombies: Comparison | None = None
    restarts: Mapping[str, Comparison] = field(default_factory=dict)
    logs: Mapping[str, str] = field(default_factory=dict)
    detected_within: float | None = None
    recovered_within: float | None = None
    outcome: Outcome | None = None
    events: tuple[EventPattern, ...] = ()


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment: `raw` is the file's own object, `duration` in seconds, `why_not` why an engine is left out.

    `differs` says of an engine what of it may differ from the lab (`report.parity.MEASURES`), and why.
    """

    name: str
    lesson: str
    manifests: Manifests
    traffic: Traffic | None
    duration: float
    steps: tuple[Step, ...]
    expect: Expectations = field(default_factory=Expectations)
    engines: tuple[str, ...] = ENGINES
    why_not: Mapping[str, str] = field(default_factory=dict)
    differs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    source: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
