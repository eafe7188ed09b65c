"""One injected fault: its state from injection to end, its counts; and what those that hit a request do to it."""

from __future__ import annotations

import random
from typing import Any, Literal, NamedTuple

from crashy.faults.base import Fault
from crashy.faults.effects import Command, ConnectionShape, Delay, InjectedResponse, ResponseChange
from crashy.faults.scope import Look, ProbeName, Protocol, Request
from crashy.grpc import CHECK

State = Literal["pending", "active", "ended"]


class InjectedFault:
    """One injected fault; times are on its FaultSet's clock. Only the FaultSet writes to it.

    `pending` waits for its time or, if request-triggered, for a matching request.
    """

    def __init__(self, fault_id: str, fault: Fault, source: str, now: float, rng: random.Random) -> None:
        scope = fault.scope
        self.id = fault_id
        self.fault = fault
        self.source = source
        self.starts_at = now + scope.after + (rng.random() * scope.jitter if scope.jitter else 0.0)
        """When it starts, jitter included; a request-triggered fault doesn't fire earlier."""
        self.request_triggered = fault.waits_for_request()
        """Whether it acts on the whole process, but only once a matching request comes."""
        self.ends_at = None if self.request_triggered or scope.for_ is None else self.starts_at + scope.for_
        """When it ends by itself, or None; the `for` of a request-triggered fault counts from when it fires."""
        self.acting = True
        """Whether it acts while it is active; one that flaps does so in turns."""
        self.turns_at: float | None = None
        """When `acting` changes next."""
        self.rng = rng
        self.act = fault.responder(rng)
        """What it does to a request that it hits, at a time."""
        self.state: State = "pending"
        self.nth = 0
        """How many had started, with it, when it last did."""
        self.seen = 0
        """Requests that matched its scope."""
        self.hits = 0
        """Requests that it hit, or that it fired on."""
        self.held = 0
        """Requests that it holds now."""

    @property
    def due(self) -> float | None:
        """When time alone changes its state, or None."""
        match self.state:
            case "pending":
                return None if self.request_triggered else self.starts_at
            case "active":
                return self.ends_at if self.turns_at is None else min(self.turns_at, self.ends_at or self.turns_at)
        return None

    @property
    def exhausted(self) -> bool:
        """Whether it has used up its `times`."""
        return self.fault.scope.times is not None and self.hits >= self.fault.scope.times

    def turn(self, now: float) -> None:
        """Act, or don't, as its fault does at this time."""
        self.acting, self.turns_at = self.fault.turns(self.starts_at, now)

    def hit(self, request: Request) -> bool:
        """Count a request of a sort that its fault matches, and decide whether it is hit."""
        return self._can_act and self.fault.scope.matches_headers(request.headers) and self._count()

    def hit_look(self, look: Look) -> bool:
        """Count a look at a dependency, and decide whether it is hit."""
        return self._can_act and self.fault.matches_look(look) and self._count()

    @property
    def _can_act(self) -> bool:
        return self.acting and not self.exhausted

    def _count(self) -> bool:
        scope = self.fault.scope
        self.seen += 1
        if scope.every is not None and self.seen % scope.every:
            return False
        if scope.p is not None and self.rng.random() >= scope.p:
            return False
        self.hits += 1
        return True

    def certain_to_fail(self, probe: ProbeName, protocol: Protocol) -> bool:
        """Whether the kubelet's next probe of this type is certain to fail; counts and draws nothing."""
        scope = self.fault.scope
        method, path = ("POST", CHECK) if protocol == "grpc" else ("GET", "")
        return (
            self.acting
            and probe in self.fault.failing()
            and protocol in self.fault.speaks()
            and not scope.routes
            and not scope.headers
            and scope.matches(Request(method, path, "kubelet", probe), self.fault.target)
            and not self.exhausted
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
            "trap": self.request_triggered,
            "starts_in": None if starts_in is None else round(starts_in, 3),
            "ends_in": None if ends_in is None else round(ends_in, 3),
            "seen": self.seen,
            "hits": self.hits,
            **self.fault.to_json(),
        }


class RequestEffect(NamedTuple):
    """What happens to one request: wait `delay` seconds, then hang until `hang` has ended, or send `response`, if any.

    `commands` act on the whole process and come first. `by` is the fault that `response` or `change` comes from.
    `shapes` slow what passes while their faults last; the delays of a whole connection are among them. `delays` are
    what `delay` is the sum of.
    """

    delay: float = 0.0
    hang: InjectedFault | None = None
    response: InjectedResponse | None = None
    change: ResponseChange | None = None
    by: InjectedFault | None = None
    commands: tuple[Command, ...] = ()
    shapes: tuple[tuple[InjectedFault, Delay | ConnectionShape], ...] = ()
    delays: tuple[tuple[InjectedFault, Delay], ...] = ()

    @property
    def holders(self) -> tuple[InjectedFault, ...]:
        """The faults that hold the request or the connection, each of which is to be released."""
        return *(fault for fault, _ in self.shapes), *([self.holder] if self.holder else [])

    @property
    def holder(self) -> InjectedFault | None:
        """The fault that holds the request, which is to be released (`FaultSet.release`)."""
        return self.by if self.change is not None and self.change.lasting else self.hang


NOTHING = RequestEffect()
