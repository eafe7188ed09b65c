"""The pods of one ReplicaSet, counted incrementally as they are created, change and are deleted."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass
from itertools import count, islice

from crashy.controllers.base import PodView
from crashy.controllers.rollout import is_available
from crashy.kubelet.generate import FINAL
from crashy.objects.status import PodStatus

_Rank = tuple[bool, bool, float, int, float, int]


@dataclass(frozen=True, slots=True)
class _Known:
    """A pod's current view; `rank` is None if it doesn't count as a replica, `number` is that of its creation."""

    view: PodView
    number: int
    rank: _Rank | None


class Replicas:
    """The existing pods, and of them those that count as replicas: neither ended nor being deleted.

    `active` counts the latter, `unfinished` all whose containers have not ended.
    """

    def __init__(self) -> None:
        self.unfinished = 0
        self._numbers = count()
        self._known: dict[str, _Known] = {}  # by uid
        self._ranked: list[tuple[_Rank, str]] = []  # rank and uid; the first to delete in front
        self._ready_since: list[float] = []  # of the ready ones that count, in order

    def __len__(self) -> int:
        """Return the number of existing pods, those being deleted included."""
        return len(self._known)

    @property
    def active(self) -> int:
        """Return the number of replicas."""
        return len(self._ranked)

    @property
    def ready(self) -> int:
        """Return the number of ready replicas."""
        return len(self._ready_since)

    @property
    def terminating(self) -> int:
        """Count the pods that are being deleted and have not ended."""
        return self.unfinished - self.active

    def put(self, view: PodView) -> None:
        """Add a pod that was created, or update one that has changed."""
        before = self._known.get(view.pod.uid)
        number = before.number if before else next(self._numbers)
        if before:
            self._uncount(before)
        now = _Known(view, number, _rank(view, number) if counts(view.status) else None)
        self._known[view.pod.uid] = now
        self.unfinished += view.status.phase not in FINAL
        if now.rank:
            insort(self._ranked, (now.rank, view.pod.uid))
            if view.status.ready:
                insort(self._ready_since, view.status.ready_since)

    def drop(self, uid: str) -> None:
        """Remove a pod."""
        self._uncount(self._known.pop(uid))

    def _uncount(self, known: _Known) -> None:
        status = known.view.status
        self.unfinished -= status.phase not in FINAL
        if known.rank:
            del self._ranked[bisect_left(self._ranked, (known.rank, known.view.pod.uid))]
            if status.ready:
                del self._ready_since[bisect_left(self._ready_since, status.ready_since)]

    def available(self, now: float, min_ready_seconds: int) -> int:
        """Return the number of available replicas: those that have been ready for long enough."""

        def too_short(ready_since: float) -> bool:
            return not is_available(ready=True, ready_since=ready_since, now=now, min_ready_seconds=min_ready_seconds)

        return bisect_left(self._ready_since, True, key=too_short)

    def next_available(self, now: float, min_ready_seconds: int) -> float | None:
        """Return when the next ready replica becomes available; None if all are."""
        first = self.available(now, min_ready_seconds)
        return self._ready_since[first] + min_ready_seconds if first < self.ready else None

    def surplus(self, replicas: int) -> list[PodView]:
        """Return the pods to delete to get down to so many `replicas`, the first to delete in front."""
        return [self._known[uid].view for _, uid in islice(self._ranked, max(0, self.active - replicas))]


def counts(status: PodStatus) -> bool:
    """Return whether a pod counts as a replica: neither ended nor being deleted."""
    return not status.deleting and status.phase not in FINAL


def _rank(view: PodView, number: int) -> _Rank:
    """Rank the pods to delete first lowest: never ran, unready, ready for a short time, often restarted, young.

    kubernetes: pkg/controller/controller_utils.go ActivePodsWithRanks; of pods that have been ready for about as long
    as each other (a power of two of seconds) Kubernetes takes one by chance, here it is the one of the shorter time.
    Of equal ones, the one that was created first is deleted first.
    """
    status = view.status
    restarts = max((c.restart_count for c in status.containers), default=0)
    ready_since = status.ready_since if status.ready else 0.0
    return status.phase == "Running", status.ready, -ready_since, -restarts, -view.pod.created_at, number
