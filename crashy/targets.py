"""The pods that an expression selects, wherever one is given: `any`, `all`, a name or how it begins, `2 of app=web`.

Where a Service may be meant too, that is `service/NAME`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from crashy.errors import BadInput

if TYPE_CHECKING:
    import random

T = TypeVar("T")

_NAMED = 5  # pods in a message
_COUNTED = re.compile(r"([1-9][0-9]{0,3}) of ([A-Za-z0-9./_-]+=[A-Za-z0-9._-]*(?:,[A-Za-z0-9./_-]+=[A-Za-z0-9._-]*)*)")


class Facts(NamedTuple):
    """What a selection depends on."""

    name: str
    ready: bool
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Target:
    """A selection of pods: `any`, `all`, how a name begins, or `2 of app=web`; or the `service` of that name."""

    text: str
    count: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    service: str = ""

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read one; raises BadInput that says what is allowed."""
        found = _COUNTED.fullmatch(text.strip())
        if found:
            pairs = (pair.partition("=") for pair in found[2].split(","))
            return cls(text.strip(), int(found[1]), {key: value for key, _, value in pairs})
        name = text.strip().removeprefix("pod/")
        kind, _, service = name.partition("/")
        if service and kind == "service" and " " not in service:
            return cls(name, service=service)
        if not name or " " in name:
            raise BadInput("must be a pod's name (or how it begins), any, all, or as '2 of app=web'")
        return cls(name)

    @property
    def is_name(self) -> bool:
        """Return whether it is a pod's name, or how that begins."""
        return self.count is None and not self.service and self.text not in ("any", "all")


def choose(
    target: Target,
    pods: Sequence[T],
    facts: Callable[[T], Facts],
    rng: random.Random,
    injected: Collection[str] = (),
) -> list[T]:
    """Return the pods that a target selects; of those whose names begin so, the first.

    Random choices prefer ready pods, and among equals those whose names are not in `injected`.
    """
    if target.service:
        return []
    if target.text == "all":
        return list(pods)
    if target.is_name:
        return named(target.text, pods, facts)[:1]
    chosen: list[T] = []
    count = target.count or 1
    ranks: dict[tuple[bool, bool], list[T]] = {}
    for pod in pods:
        name, ready, labels = facts(pod)
        if target.labels.items() <= labels.items():
            ranks.setdefault((not ready, name in injected), []).append(pod)
    for _, equals in sorted(ranks.items()):
        chosen += rng.sample(equals, min(count - len(chosen), len(equals)))
    return chosen


def named(name: str, pods: Sequence[T], facts: Callable[[T], Facts]) -> list[T]:
    """Return the pods of that name; where there is none, those whose names begin so."""
    return [pod for pod in pods if facts(pod).name == name] or [pod for pod in pods if facts(pod).name.startswith(name)]


def listed(names: Sequence[str]) -> str:
    """Return the first of these, and how many more there are.

    >>> listed(["a", "b", "c", "d", "e", "f", "g"])
    'a, b, c, d, e and 2 more'
    """
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
