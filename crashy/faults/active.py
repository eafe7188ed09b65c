"""The faults of one patient: which are active, and what they do to a request and to the process.

How several faults on one request compose:

0. Every request-triggered fault of the whole process that matches it fires.
1. The first fault that hangs requests holds it: nothing else happens to it.
2. Delays add up, in the order of injection.
3. One fault answers, or changes the app's own answer: the one with the lowest `rank`; among equals the oldest.

A fault that holds requests (a hang, a change that takes time) ends with the last of them once its `times` are used up.
A fault that isn't reached isn't counted: its `times` and `every` stay as they are, and it draws no random number.
A request that matches a fault is counted in this order: `every`, then `p`, then `times`, which counts hits only.
"""

from __future__ import annotations

import builtins
import heapq
import random
import threading
from collections import Counter, deque
from collections.abc import Callable
from typing import NamedTuple

from crashy.faults.base import FAULTS, Fault, FaultError
from crashy.faults.commands import ProcessCommands
from crashy.faults.effects import (
    Command,
    ConnectionShape,
    Delay,
    Hang,
    InjectedResponse,
    LookEffect,
    Machine,
    RequestPart,
    ResponseChange,
)
from crashy.faults.health import Health
from crashy.faults.injected import NOTHING, InjectedFault, RequestEffect
from crashy.faults.matching import MatchingFaults
from crashy.faults.scope import CONNECTION, PROTOCOLS, Look, Protocol, Request, Way

MAX_LIVE = 1000
MAX_ENDED = 100


class Tally(NamedTuple):
    """Counts of one kind of fault: active now; started, and requests hit, so far."""

    active: int
    starts: int
    hits: int


class FaultSet:
    """Every fault of one patient, from injection to end; safe from any thread.

    `now` returns monotonic seconds; `rng` seeds a random source for each fault that has no seed; `machine` returns what
    the process may use, which faults are checked against; `way` is how faults act here.
    `on_change(reason, active)` is called for "Injected", "Started", "Ended" and "Recovered", under the lock: it must be
    quick. A request-triggered fault starts when it fires. When its `for` is over and `times` are left, it is pending
    again. `tick()` and `on_request()` return each command for the process once: call them, and execute the commands in
    order, under one lock. Call `tick()` after `inject` and `recover`, and at the time that `next_change()` returns.
    """

    def __init__(
        self,
        now: Callable[[], float],
        rng: random.Random,
        on_change: Callable[[str, InjectedFault], None] | None = None,
        machine: Callable[[], Machine] | None = None,
        way: Way = "inside",
    ) -> None:
        self.way = way
        self._now = now
        self._rng = rng
        self._on_change = on_change or (lambda reason, active: None)
        self._machine = machine
        self._lock = threading.RLock()
        self._count = 0
        self.started = 0
        """How many faults have started so far."""
        self._live: dict[str, InjectedFault] = {}
        self._ended: deque[InjectedFault] = deque(maxlen=MAX_ENDED)
        self._starts: Counter[str] = Counter()
        self._hits_of_ended: Counter[str] = Counter()
        self._agenda: builtins.list[tuple[float, int, InjectedFault]] = []
        self._commands = ProcessCommands()
        self.matching = MatchingFaults(self._live, now, lambda: self._agenda[0][0] if self._agenda else None)
        """Which faults match a request, remembered until one of them changes."""
        self.spares = self.matching.none
        """Returns whether it is known that no fault matches requests of a sort: most requests end here."""

    def inject(self, fault: Fault, source: str = "admin") -> InjectedFault:
        """Inject a fault; raises FaultError if it lacks the way, needs more than there is, or is one too many."""
        fault = fault.taken(self.way)
        effect = fault.process_effect()
        if effect is not None and self._machine is not None:
            effect.check(self._machine)
        with self._lock:
            now = self._advance()
            if len(self._live) >= MAX_LIVE:
                raise FaultError("fault", f"{MAX_LIVE} faults are pending or active: recover some first")
            self._count += 1
            # Drawn for a seeded fault too, so that a seed doesn't change the faults after it.
            drawn = self._rng.getrandbits(64)
            rng = random.Random(drawn if fault.scope.seed is None else fault.scope.seed)
            active = InjectedFault(f"f{self._count}", fault, source, now, rng)
            self._live[active.id] = active
            self.matching.changed()
            self._on_change("Injected", active)
            self._schedule(active)
            self._advance()
            return active

    def recover(self, which: str | None = None) -> builtins.list[InjectedFault]:
        """End the fault with this id, those of this name, or all, pending ones too; return those that this ended."""
        with self._lock:
            self._advance()
            chosen = [active for active in self._live.values() if which in (None, active.id, active.fault.name)]
            for active in chosen:
                self._end(active, "Recovered")
            return chosen

    def process_ended(self) -> None:
        """End what ailed the process, which has ended; what is done to connections goes on with the next one."""
        with self._lock:
            self._advance()
            for active in list(self._live.values()):
                if active.state == "active" and active.fault.ends_with_process:
                    self._end(active, "Ended")

    def get(self, id: str) -> InjectedFault | None:  # noqa: A002 - the id that users see
        """Return the fault with this id, if it is pending, active or among the last that ended."""
        with self._lock:
            self._advance()
            return self._live.get(id) or next((active for active in self._ended if active.id == id), None)

    def list(self) -> builtins.list[InjectedFault]:
        """Return the pending and active faults in the order of their injection."""
        with self._lock:
            self._advance()
            return list(self._live.values())

    def ended(self) -> builtins.list[InjectedFault]:
        """Return the last faults that ended, oldest first."""
        with self._lock:
            self._advance()
            return list(self._ended)

    def tally(self) -> dict[str, Tally]:
        """Return the counts of every kind of fault, by name; starts and hits never go down."""
        with self._lock:
            self._advance()
            live = list(self._live.values())
            return {
                name: Tally(
                    sum(active.fault.name == name and active.state == "active" for active in live),
                    self._starts[name],
                    self._hits_of_ended[name] + sum(active.hits for active in live if active.fault.name == name),
                )
                for name in FAULTS
            }

    def on_request(self, request: Request, since: int = 0) -> RequestEffect:
        """Count a request and return what happens to it, by the faults but the first `since` that have started."""
        with self._lock:
            now = self._advance()
            waiting, _ = self.matching.of(request)
            for active in waiting:
                if active.state == "pending" and now >= active.starts_at and active.hit(request):
                    self._start(active, now)
            effect = self._request_effect(request, now, since)
            return effect._replace(commands=self._commands.take(self._live.values()))

    def on_look(self, look: Look) -> LookEffect:
        """Count a look at a dependency and return what happens to it: delays add up, the first failure is its end."""
        delay = 0.0
        with self._lock:
            self._advance()
            for active in list(self._live.values()):
                if active.state != "active" or not active.hit_look(look):
                    continue
                effect = active.fault.on_look(look, active.rng)
                delay += effect.delay
                if active.exhausted:
                    self._end(active, "Ended")
                if effect.failure:
                    return LookEffect(delay, effect.failure)
        return LookEffect(delay)

    def release(self, active: InjectedFault) -> None:
        """Let go of a request that a fault has held."""
        with self._lock:
            active.held -= 1
            if active.exhausted and not active.held and active.state == "active":
                self._end(active, "Ended")

    def _request_effect(self, request: Request, now: float, since: int) -> RequestEffect:
        delays: list[tuple[InjectedFault, Delay]] = []
        shapes: list[tuple[InjectedFault, Delay | ConnectionShape]] = []
        answer: RequestEffect = NOTHING
        _, acting = self.matching.of(request)
        for active in acting:
            if active.nth <= since or not active.hit(request):
                continue
            part = active.act(request, now)
            if _lasts(part, request):
                active.held += 1
            elif active.exhausted:
                self._end(active, "Ended")
            match part:
                case Hang():
                    return RequestEffect(hang=active)
                case Delay():
                    delays.append((active, part))
                    shapes += [(active, part)] if request.method == CONNECTION else []
                case ConnectionShape():
                    shapes.append((active, part))
                case InjectedResponse():
                    answer = RequestEffect(response=part, by=active)
                case ResponseChange():
                    answer = RequestEffect(change=part, by=active)
            if answer.by is not None:
                break
        if not delays and not shapes:
            return answer
        delay = sum(part.seconds for _, part in delays)
        return answer._replace(delay=delay, delays=(*delays,), shapes=(*shapes,))

    def health(self, *protocols: Protocol) -> Health:
        """Return the health that the faults leave, by any of these protocols, or of all; counts nothing."""
        asked = protocols or PROTOCOLS
        with self._lock:
            self._advance()
            active = [active for active in self._live.values() if active.state == "active" and active.fault.failing()]
            return Health(
                startup=not any(a.certain_to_fail("startup", how) for a in active for how in asked),
                readiness=not any(a.certain_to_fail("readiness", how) for a in active for how in asked),
                liveness=not any(a.certain_to_fail("liveness", how) for a in active for how in asked),
            )

    def next_change(self) -> float | None:
        """Return the time of the next `tick()` that is due (now, if one is overdue), or None."""
        with self._lock:
            if self._commands.changed:
                return self._now()
            while self._agenda and self._agenda[0][2].due != self._agenda[0][0]:
                heapq.heappop(self._agenda)
            return self._agenda[0][0] if self._agenda else None

    def tick(self) -> builtins.list[Command]:
        """Start and end the faults that are due and return the commands for the process, in order."""
        with self._lock:
            self._advance()
            return list(self._commands.take(self._live.values()))

    def _advance(self) -> float:
        """Start and end, in the order of their times, the faults that are due; return the current time."""
        now = self._now()
        while self._agenda and self._agenda[0][0] <= now:
            self.matching.changed()
            due, _, active = heapq.heappop(self._agenda)
            if active.due != due:
                continue
            if active.state == "pending":
                self._start(active, now)
            elif active.ends_at is not None and active.ends_at <= now:
                self._end(active, "Ended")
            else:
                active.turn(now)
                self._commands.changed |= active.fault.process_effect() is not None
                self._schedule(active)
        return now

    def _schedule(self, active: InjectedFault) -> None:
        if active.due is not None:
            heapq.heappush(self._agenda, (active.due, int(active.id[1:]), active))

    def _start(self, active: InjectedFault, now: float) -> None:
        scope = active.fault.scope
        active.state = "active"
        self.started += 1
        active.nth = self.started
        self.matching.changed()
        self._starts[active.fault.name] += 1
        if active.request_triggered and scope.for_ is not None:
            active.ends_at = now + scope.for_
        active.turn(now)
        self._on_change("Started", active)
        effect = active.fault.process_effect()
        self._commands.changed |= effect is not None
        if effect is not None and not effect.lasting:
            self._commands.once(effect)
            self._end(active, "Ended")
        else:
            self._schedule(active)

    def _end(self, active: InjectedFault, reason: str) -> None:
        self.matching.changed()
        if active.state == "active" and active.fault.process_effect() is not None:
            self._commands.changed = True
        if reason == "Ended" and active.request_triggered and not active.exhausted:
            active.state = "pending"
            active.ends_at = None
        else:
            active.state = "ended"
            self._hits_of_ended[active.fault.name] += active.hits
            del self._live[active.id]
            self._ended.append(active)
        self._on_change(reason, active)


def _lasts(part: RequestPart | None, request: Request) -> bool:
    """Return whether it takes time that the end of its fault cuts short."""
    if isinstance(part, Delay):
        return request.method == CONNECTION
    return isinstance(part, Hang) or (isinstance(part, ResponseChange | ConnectionShape) and part.lasting)
