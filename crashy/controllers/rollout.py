"""A rolling update, step by step. Source: kubernetes: pkg/controller/deployment/rolling.go, util/deployment_util.go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

from crashy.objects.shares import pods_of


@dataclass(frozen=True, slots=True)
class Fenceposts:
    """The most pods allowed beyond the desired ones, and the most that may be unavailable."""

    max_surge: int
    max_unavailable: int


@dataclass(frozen=True, slots=True)
class ReplicaSet:
    """A ReplicaSet's desired pods, and how many of its pods are available."""

    replicas: int
    available: int


@dataclass(frozen=True, slots=True)
class Step:
    """The next sizes of the ReplicaSets; `old` in the order of the argument."""

    new: int
    old: tuple[int, ...]


def fenceposts(replicas: int, max_surge: int | str = "25%", max_unavailable: int | str = "25%") -> Fenceposts:
    """Resolve percentages of `replicas`: a surge up, an unavailability down, and never both to zero.

    Raises ValueError for what is neither a number nor a percentage.

    >>> fenceposts(10)
    Fenceposts(max_surge=3, max_unavailable=2)
    """
    surge = ceil(pods_of(max_surge, replicas))
    unavailable = floor(pods_of(max_unavailable, replicas))
    return Fenceposts(surge, unavailable if surge or unavailable else 1)


def next_step(replicas: int, fence: Fenceposts, new: ReplicaSet, old: Sequence[ReplicaSet]) -> Step:
    """Return the next sizes of a rollout to `replicas` pods; the step after it waits until this one is done.

    The new set grows first, as far as the surge allows. If it can't, old pods are deleted: the unavailable ones before
    all others, and of the available ones no more than the minimum allows. `old` is ordered from the oldest.
    """
    total = new.replicas + sum(o.replicas for o in old)
    if new.replicas > replicas:
        return Step(replicas, tuple(o.replicas for o in old))
    grown = min(replicas, new.replicas + max(0, replicas + fence.max_surge - total))
    if grown > new.replicas:
        return Step(grown, tuple(o.replicas for o in old))
    return Step(new.replicas, _shrunk(replicas - fence.max_unavailable, total, new, old))


def _shrunk(minimum: int, total: int, new: ReplicaSet, old: Sequence[ReplicaSet]) -> tuple[int, ...]:
    sizes = [o.replicas for o in old]
    budget = total - minimum - (new.replicas - new.available)
    if budget <= 0:
        return tuple(sizes)
    for i, o in enumerate(old):
        gone = min(max(0, o.replicas - o.available), budget)
        sizes[i] -= gone
        budget -= gone
    spare = new.available + sum(o.available for o in old) - minimum
    for i in range(len(sizes)):
        gone = max(0, min(sizes[i], spare))
        sizes[i] -= gone
        spare -= gone
    return tuple(sizes)


def proportional(replicas: int, fence: Fenceposts, most_before: int, sizes: Sequence[int]) -> tuple[int, ...]:
    """Distribute a new number of `replicas` among the ReplicaSets of a rollout in progress.

    `sizes` are theirs, from the oldest; `most_before` is the most pods allowed before (replicas and surge).
    Each grows or shrinks in proportion, and the largest takes the rounding remainder.

    >>> proportional(15, Fenceposts(3, 2), 13, (8, 5))
    (11, 7)
    """
    most = replicas + fence.max_surge if replicas else 0
    to_add = most - sum(sizes)
    found = list(sizes)
    newer_first = to_add > 0
    order = sorted(range(len(sizes)), key=lambda i: (-sizes[i], -i if newer_first else i))
    added = 0
    for i in order:
        share = _proportion(sizes[i], most, most_before) if replicas else -sizes[i]
        change = min(share, to_add - added) if newer_first else max(share, to_add - added)
        if not to_add or to_add == added or not sizes[i]:
            change = 0
        found[i] += change
        added += change
    if order and to_add:
        found[order[0]] = max(0, found[order[0]] + to_add - added)
    return tuple(found)


def _proportion(size: int, most: int, most_before: int) -> int:
    """Return by how much a set grows, rounded to the nearest (kubernetes: deployment_util.go getReplicaSetFraction)."""
    return (2 * size * most + most_before) // (2 * most_before) - size


def is_available(*, ready: bool, ready_since: float, now: float, min_ready_seconds: int = 0) -> bool:
    """Return whether a pod counts as available: Ready, and for longer than minReadySeconds."""
    return ready and (min_ready_seconds == 0 or ready_since + min_ready_seconds < now)


def has_stalled(*, last_progress: float, now: float, progress_deadline_seconds: int = 600) -> bool:
    """Return whether a rollout's condition Progressing turns False (ProgressDeadlineExceeded); it isn't rolled back."""
    return last_progress + progress_deadline_seconds < now
