"""An experiment as data."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crashy.controllers.base import Stoppable
from crashy.experiment.values import Filled, Ingress, Number, Shape, Span, UrlPath
from crashy.fields import Declared, param
from crashy.fields.units import Distribution, parse_duration
from crashy.fields.values import Integer
from crashy.objects.images import ImageCommands
from crashy.objects.manifests import Manifests
from crashy.objects.standin import Model
from crashy.targets import Target
from crashy.timeline import Event

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
    """Inject a fault; into the container of a name, or into the one that takes faults."""

    spec: str
    container: str = ""


@dataclass(frozen=True, slots=True)
class Recover:
    """Take faults back: `all`, or those of one name."""

    which: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete pods, as `kubectl delete pod`; `grace` seconds replace their own."""

    grace: int | None


@dataclass(frozen=True, slots=True)
class Evict:
    """Evict pods, as the Eviction API does: a PodDisruptionBudget may not allow it."""


@dataclass(frozen=True, slots=True)
class Drain:
    """Cordon the node and evict its pods, as `kubectl drain` does, for at most `timeout` seconds; 0: for any time."""

    timeout: float


@dataclass(frozen=True, slots=True)
class Uncordon:
    """Let the node take new pods again, as `kubectl uncordon`."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the kubelet, or the whole node, and start it again after so many seconds; None: not before the end."""

    what: Stoppable
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Scale:
    """Set a workload's replicas; it is named as events name it (`deployment/web`)."""

    workload: str
    replicas: int


@dataclass(frozen=True, slots=True)
class Apply:
    """Apply more manifests, as `kubectl apply`."""

    manifests: Manifests
    text: str


class Load(Declared):
    """Ask a Service `requests` times, `concurrency` at once, each when the one before is answered, as `ab` does."""

    service: str = param(Filled(), default="", required=True)
    path: str = param(UrlPath(), default="/")
    concurrency: int = param(Integer(1, 1000), default=10)
    requests: int = param(Integer(1, 1_000_000), default=1000)
    timeout: float = param(Span(least=0.001), default=30.0)


@dataclass(frozen=True, slots=True)
class Exec:
    """Run a command in a container (the first, if none is named)."""

    command: tuple[str, ...]
    container: str | None
    timeout: float


Action = Inject | Recover | Delete | Evict | Drain | Uncordon | Stop | Scale | Apply | Load | Exec


@dataclass(frozen=True, slots=True)
class Step:
    """What is done `at` seconds; it never leaves fewer than `keep_ready` ready pods of those it may choose from."""

    at: float
    action: Action
    target: Target | None
    keep_ready: int
    text: str


class Traffic(Declared):
    """Whom the users ask: `rate` times a second, each with `timeout` seconds of patience.

    With `ingress` they ask the pods through one, which hears of each change so much later than the endpoints.
    """

    service: str = param(Filled(), default="", required=True)
    port: int | str | None = param(Shape({"type": ["integer", "string"]}))
    path: str = param(UrlPath(), default="/")
    rate: float = param(Number(1000), default=10.0)
    timeout: float = param(Span(least=0.001), default=2.0)
    ingress: Distribution | None = param(Ingress())


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
class Experiment:
    """One experiment: `raw` is the file's own object, `duration` in seconds, `why_not` why an engine is left out.

    `expect` holds what the expectations of that name have read (`expectations.read_expectations`).
    `models` says by image how long the stand-ins of other apps take, `images` which are commands of this machine.
    `differs` says of an engine what of it may differ from the lab (`report.parity.MEASURES`), and why.
    """

    name: str
    lesson: str
    manifests: Manifests
    traffic: Traffic | None
    duration: float
    steps: tuple[Step, ...]
    expect: Mapping[str, Any] = field(default_factory=dict)
    engines: tuple[str, ...] = ENGINES
    why_not: Mapping[str, str] = field(default_factory=dict)
    differs: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    models: Mapping[str, Model] = field(default_factory=dict)
    images: ImageCommands = field(default_factory=dict)
    source: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
