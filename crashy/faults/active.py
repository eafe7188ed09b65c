"""The faults of one patient: which hold now, what they do to a request, and what they do to the process.

How several faults on one request compose:

0. Request-triggered faults of the whole process that match it fire, each of them.
1. The first that hangs requests holds it: nothing else happens to it.
2. Delays add up, in the order of injection.
3. One fault answers: `crash mode=errors` before `unready` and `unlive` before `error`; within one of these the oldest.

A fault whose turn does not come isn't counted: it neither uses up its `times` nor moves its `every`, nor draws.
A request that a fault matches is counted in this order: `every`, then `p`, then `times`, which counts hits only.
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
from crashy.faults.effects import Answer, Begin, Command, Delay, End, Hang, ProcessEffect, Stop
from crashy.faults.injected import Active
from crashy.faults.scope import Request

__all__ = ["Active", "FaultSet", "Health", "RequestEffect"]

MOST_LIVE = 1000
MOST_ENDED = 100


class RequestEffect(NamedTuple):
    """What happens to one request: wait `delay` seconds, then hang while `hang` isn't ended, else give `answer` if any.

    `commands` are for the whole process and come first. `by` is the fault that answers.
    """

    delay: float = 0.0
    hang: Active | None = None
    answer: Answer | None = None
    by: Active | None = None
    commands: tuple[Command, ...] = ()


NOTHING = RequestEffect()


class Health(NamedTuple):
    """The three health answers as far as faults go: True unless one makes it fail for sure.

    A fault that names routes, spares the kubelet, or leaves it to chance is left out: it shows on the requests it hits.
    """

    startup: bool = True
    readiness: bool = True
    liveness: bool = True


class Tally(NamedTuple):
    """How many of one kind of fault are active now, and how often one has started and hit a request so far."""

    active: int
    starts: int
    hits: int


class FaultSet:
    """Every fault of one patient, from injection to end; safe from any thread.

    `now` gives monotonic seconds; from `rng` each fault without a seed is given a random source of its own.
    `on_change(reason, active)` is told of "Injected", "Started", "Ended" and "Recovered", under the lock: it must be
    quick. A request-triggered fault starts when it fires; when its `for` is over and `times` are left, it waits again.
    What is to be done to the process comes as commands from `tick()` and `on_request()`, each once: take and run them
    under one lock, in their order. After `inject` and `recover`, and when `next_change()` says so, call `tick()`.
    """

    def __init__(
        self, now: Callable[[], float], rng: random.Random, on_change: Callable[[str, Active], None] | None = None
    ) -> None:
        self._now = now
        self._rng = rng
        self._on_change = on_change or (lambda reason, active: None)
        self._lock = threading.RLock()
        self._count = 0
        self._live: dict[str, Active] = {}
        self._ended: deque[Active] = deque(maxlen=MOST_ENDED)
        self._starts: Counter[str] = Counter()
        self._hits_of_ended: Counter[str] = Counter()
        self._agenda: builtins.list[tuple[float, int, Active]] = []
        self._held: dict[ProcessEffect, float | None] = {}
        self._once: builtins.list[ProcessEffect] = []
        self._changed = False

    def inject(self, fault: Fault, source: str = "admin") -> Active:
        """Arm a fault now; raises FaultError if there are too many."""
        with self._lock:
            now = self._advance()
            if len(self._live) >= MOST_LIVE:
                raise FaultError("fault", f"{MOST_LIVE} faults are pending or active: recover some first")
            self._count += 1
            scope = fault.scope
            # Drawn for a seeded fault too, so that a seed changes nothing for the faults after it.
            drawn = self._rng.getrandbits(64)
            rng = random.Random(drawn if scope.seed is None else scope.seed)
            starts_at = now + scope.after + (rng.random() * scope.jitter if scope.jitter else 0.0)
            trap = fault.process_effect() is not None and scope.names_requests
            ends_at = None if trap or scope.for_ is None else starts_at + scope.for_
            active = Active(
                f"f{self._count}", fault, source, now, starts_at=starts_at, ends_at=ends_at, trap=trap, rng=rng
            )
            self._live[active.id] = active
            self._on_change("Injected", active)
            self._schedule(active)
            self._advance()
            return active

    def recover(self, which: str | None = None) -> builtins.list[Active]:
        """End the fault with this id, those of this name, or all; pending ones are cancelled.

        Return those that this ended: nothing the second time.
        """
        with self._lock:
            now = self._advance()
            chosen = [active for active in self._live.values() if which in (None, active.id, active.fault.name)]
            for active in chosen:
                self._end(active, now, "Recovered")
            return chosen

    def get(self, id: str) -> Active | None:  # noqa: A002 - the id that users see
        """Return the fault with this id: live, or among the last that ended."""
        with self._lock:
            self._advance()
            return self._live.get(id) or next((active for active in self._ended if active.id == id), None)

    def list(self) -> builtins.list[Active]:
        """Return the pending and active faults in the order of their injection."""
        with self._lock:
            self._advance()
            return list(self._live.values())

    def ended(self) -> builtins.list[Active]:
        """Return the last faults that ended, oldest first."""
        with self._lock:
            self._advance()
            return list(self._ended)

    def tally(self) -> dict[str, Tally]:
        """Count by the fault's name, for every name there is; starts and hits never go down."""
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

    def on_request(self, request: Request) -> RequestEffect:
        """Count a request and return what happens to it."""
        with self._lock:
            now = self._advance()
            if not self._live and not self._changed:
                return NOTHING
            for active in list(self._live.values()):
                if active.trap and active.state == "pending" and now >= active.starts_at and active.hit(request):
                    self._start(active, now)
            return self._part(request, now)._replace(commands=self._commands())

    def _part(self, request: Request, now: float) -> RequestEffect:
        acting = [a for a in self._live.values() if a.state == "active" and a.fault.process_effect() is None]
        delay = 0.0
        for active in sorted(acting, key=lambda active: active.fault.rank):
            if not active.hit(request):
                continue
            part = active.fault.on_request(request, active.rng)
            if isinstance(part, Hang):
                # Not ended when spent: that would let go of the requests that it holds.
                return RequestEffect(hang=active)
            if active.spent:
                self._end(active, now, "Ended")
            match part:
                case Delay(seconds):
                    delay += seconds
                case Answer():
                    return RequestEffect(delay, answer=part, by=active)
        return RequestEffect(delay)

    def health(self) -> Health:
        """Return what the faults make of the health answers; counts nothing."""
        with self._lock:
            self._advance()
            active = [active for active in self._live.values() if active.state == "active"]
            return Health(
                startup=not any(a.surely_fails("startup") for a in active),
                readiness=not any(a.surely_fails("readiness") for a in active),
                liveness=not any(a.surely_fails("liveness") for a in active),
            )

    def next_change(self) -> float | None:
        """Return the time at which `tick()` has something to do (now, if it has already), or None."""
        with self._lock:
            if self._changed:
                return self._now()
            while self._agenda and self._agenda[0][2].due != self._agenda[0][0]:
                heapq.heappop(self._agenda)
            return self._agenda[0][0] if self._agenda else None

    def tick(self) -> builtins.list[Command]:
        """Start and end what is due and return what is to be done to the process, in order."""
        with self._lock:
            self._advance()
            return list(self._commands())

    def _advance(self) -> float:
        """Start and end, in the order of their times, what is due by now, which is given."""
        now = self._now()
        while self._agenda and self._agenda[0][0] <= now:
            due, _, active = heapq.heappop(self._agenda)
            if active.due != due:
                continue
            if active.state == "pending":
                self._start(active, now)
            else:
                self._end(active, now, "Ended")
        return now

    def _schedule(self, active: Active) -> None:
        if active.due is not None:
            heapq.heappush(self._agenda, (active.due, int(active.id[1:]), active))

    def _start(self, active: Active, now: float) -> None:
        scope = active.fault.scope
        active.state = "active"
        self._starts[active.fault.name] += 1
        if active.trap and scope.for_ is not None:
            active.ends_at = now + scope.for_
        self._on_change("Started", active)
        effect = active.fault.process_effect()
        if effect is not None:
            self._changed = True
        if effect is not None and not effect.lasting:
            self._once.append(effect)
            self._end(active, now, "Ended")
        else:
            self._schedule(active)

    def _end(self, active: Active, now: float, reason: str) -> None:
        if active.state == "active" and active.fault.process_effect() is not None:
            self._changed = True
        if reason == "Ended" and active.trap and not active.spent:
            active.state = "pending"
            active.ends_at = None
        else:
            active.state = "ended"
            active.ended_at = now
            self._hits_of_ended[active.fault.name] += active.hits
            del self._live[active.id]
            self._ended.append(active)
        self._on_change(reason, active)

    def _commands(self) -> tuple[Command, ...]:
        """Return what takes the process from what was last told to what the faults want now."""
        if not self._changed:
            return ()
        self._changed = False
        wanted: dict[ProcessEffect, float | None] = {}
        for active in self._live.values():
            effect = active.fault.process_effect()
            if active.state == "active" and effect is not None:
                wanted[effect] = _later(wanted.get(effect, active.ends_at), active.ends_at)
        commands: builtins.list[Command] = [Begin(effect) for effect in self._once]
        commands += [End(effect) for effect in self._held if effect not in wanted]
        # A stop comes last: what is told after it would wait until the process is woken.
        for effect in sorted(wanted, key=lambda effect: isinstance(effect, Stop)):
            if effect not in self._held or self._held[effect] != wanted[effect]:
                commands.append(Begin(effect, wanted[effect]))
        self._once.clear()
        self._held = wanted
        return tuple(commands)


def _later(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else max(one, other)
