"""Which faults match which requests: looked up for each request, worked out once for each sort of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from crashy.faults.injected import InjectedFault
from crashy.faults.scope import Request, Sort

MAX_SORTS = 500


Faults = tuple[InjectedFault, ...]
Matching = tuple[Faults, Faults]
"""The faults that match requests of one sort: those that wait for one, and those that act on each, in order."""

_NONE: Matching = ((), ())


class MatchingFaults:
    """Knows which of the `live` faults match the requests of a sort, from one change of a fault to the next.

    `now` returns monotonic seconds, `next_due` the time of the next change that time alone makes.
    """

    def __init__(
        self, live: Mapping[str, InjectedFault], now: Callable[[], float], next_due: Callable[[], float | None]
    ) -> None:
        self._live = live
        self._now = now
        self._next_due = next_due
        self._sorts: dict[Sort, Matching] = {}
        self._until = math.inf

    def changed(self) -> None:
        """Forget all: a fault has come, started or ended."""
        self._sorts = {}

    def none(self, sort: Sort) -> bool:
        """Return whether it is known that none matches requests of this sort now; safe from any thread."""
        return self._sorts.get(sort) is _NONE and self._now() < self._until

    def of(self, request: Request) -> Matching:
        """Return those that match requests of its sort."""
        found = self._sorts.get(request.sort)
        if found is None:
            if len(self._sorts) >= MAX_SORTS:
                self._sorts = {}
            due = self._next_due()
            self._until = math.inf if due is None else due
            found = self._sorts[request.sort] = self._find(request)
        return found

    def _find(self, request: Request) -> Matching:
        matching = [active for active in self._live.values() if active.fault.matches(request)]
        acting = [active for active in matching if active.state == "active" and active.fault.acts_on_requests()]
        acting.sort(key=lambda active: active.fault.rank)
        waiting = [active for active in matching if active.request_triggered]
        return (tuple(waiting), tuple(acting)) if matching else _NONE
