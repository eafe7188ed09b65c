"""Which pods of a fleet get a fault, and which are spared so that enough stay ready."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from typing import NamedTuple

from crashy.faults.base import FaultError
from crashy.fields.units import parse_duration
from crashy.fields.values import show

MOST_PEERS = 64
MOST_JITTER = 24 * 3600.0


class Member(NamedTuple):
    """A pod as it describes itself: it is ready if its probe says so and it has no fault that is active or pending.

    What a fault does to readiness can't be known (`latency` may do nothing, or fail every probe), so a pod that has
    one doesn't count as ready.
    """

    pod: str
    namespace: str
    ready: bool


class Order(NamedTuple):
    """What is asked of a fleet: `pods` are names, a number, or None for all; `jitter` is in seconds."""

    pods: frozenset[str] | int | None = None
    keep_ready: int = 0
    jitter: float = 0.0


def read_order(value: dict[str, object]) -> Order:
    """Read `pods`, `keep_ready` and `jitter`; raises FaultError."""
    keep = value.get("keep_ready", 0)
    if isinstance(keep, bool) or not isinstance(keep, int) or not 0 <= keep <= MOST_PEERS:
        raise FaultError("keep_ready", f"{show(keep)}: must be a whole number from 0 to {MOST_PEERS}")
    jitter = value.get("jitter", 0)
    try:
        seconds = parse_duration(jitter) if isinstance(jitter, int | float | str) else -1.0
    except ValueError:
        seconds = -1.0
    if isinstance(jitter, bool) or not 0 <= seconds <= MOST_JITTER:
        raise FaultError("jitter", f"{show(jitter)}: must be a duration up to a day, such as 5s")
    return Order(_pods(value.get("pods", "all")), keep, seconds)


def _pods(value: object) -> frozenset[str] | int | None:
    if value == "all":
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_PEERS:
        return value
    named = isinstance(value, list) and 1 <= len(value) <= MOST_PEERS
    if named and isinstance(value, list) and all(isinstance(name, str) and len(name) <= 253 for name in value):
        return frozenset(value)
    raise FaultError("pods", f'{show(value)}: must be "all", a number from 1 to {MOST_PEERS}, or a list of names')


def choose(members: Sequence[Member], order: Order, rng: random.Random) -> Collection[Member]:
    """Return the members that get the fault: as many as wanted, and never so many that too few stay ready."""
    named = order.pods if isinstance(order.pods, frozenset) else None
    wanted = [member for member in members if named is None or member.pod in named]
    rng.shuffle(wanted)
    most = order.pods if isinstance(order.pods, int) else len(wanted)
    spare = sum(member.ready for member in members) - order.keep_ready
    chosen: list[Member] = []
    for member in wanted:
        if len(chosen) < most and (spare > 0 or not member.ready):
            chosen.append(member)
            spare -= member.ready
    return chosen
