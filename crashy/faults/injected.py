"""One injected fault: where it stands between its injection and its end, and what it counts."""

from __future__ import annotations

import random
from typing import Any, Literal

from crashy.faults.base import Fault
from crashy.faults.scope import ProbeName, Request

State = Literal["pending", "active", "ended"]


class Active:
    """One injected fault; times are on its FaultSet's clock. Only the FaultSet writes to it.

    `pending` waits for its time, or for the request that triggers it; `active` does harm; `ended` is over.
    """

    def __init__(
        self,
        id: str,  # noqa: A002 - the id that users see
        fault: Fault,
        source: str,
        armed_at: float,
        *,
        starts_at: float,
        ends_at: float | None,
        trap: bool,
        rng: random.Random,
    ) -> None:
        self.id = id
        self.fault = fault
        self.source = source
        self.armed_at = armed_at
        self.starts_at = starts_at
        """When it starts, jitter included; a request triggers it no earlier."""
        self.ends_at = ends_at
        """When it ends by itself; None while nothing says so (if a request triggers it, `for` counts from then)."""
        self.trap = trap
        """Whether it is for the whole process, but waits for a request that it matches."""
        self.rng = rng
        self.state: State = "pending"
        self.ended_at: float | None = None
        self.seen = 0
        """Requests it met."""
        self.hits = 0
        """Requests it hit, or sprang on."""

    @property
    def due(self) -> float | None:
        """When time alone changes its state, if it does."""
        match self.state:
            case "pending":
                return None if self.trap else self.starts_at
            case "active":
                return self.ends_at
        return None

    @property
    def spent(self) -> bool:
        """Whether it has made all its hits."""
        return self.fault.scope.times is not None and self.hits >= self.fault.scope.times

    def hit(self, request: Request) -> bool:
        """Count a request, and decide whether it is hit."""
        scope = self.fault.scope
        if self.spent or not scope.matches(request, self.fault.target):
            return False
        self.seen += 1
        if scope.every is not None and self.seen % scope.every:
            return False
        if scope.p is not None and self.rng.random() >= scope.p:
            return False
        self.hits += 1
        return True

    def surely_fails(self, probe: ProbeName) -> bool:
        """Whether the kubelet's next such question would surely be answered with a no; counts and draws nothing."""
        scope = self.fault.scope
        return (
            probe in self.fault.failing()
            and not scope.routes
            and scope.matches(Request("GET", "", "kubelet", probe), self.fault.target)
            and not self.spent
            and (scope.every is None or (self.seen + 1) % scope.every == 0)
            and (scope.p is None or scope.p == 1)
        )

    def to_json(self, now: float) -> dict[str, Any]:
        """Describe it: the fault as `from_json` reads it, with its id, state, seconds to start and end, and hits."""
        starts_in = max(0.0, self.starts_at - now) if self.state == "pending" else None
        ends_in = max(0.0, self.ends_at - now) if self.state != "ended" and self.ends_at is not None else None
        return {
            "id": self.id,
            "state": self.state,
            "source": self.source,
            "spec": self.fault.to_spec(),
            "trap": self.trap,
            "starts_in": None if starts_in is None else round(starts_in, 3),
            "ends_in": None if ends_in is None else round(ends_in, 3),
            "seen": self.seen,
            "hits": self.hits,
            **self.fault.to_json(),
        }
