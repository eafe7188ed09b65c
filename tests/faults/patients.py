"""A set of faults on a clock that stands still until a test moves it."""

import random

from crashy.faults.active import FaultSet
from crashy.faults.base import parse_spec
from crashy.faults.effects import Command
from crashy.faults.injected import InjectedFault, RequestEffect
from crashy.faults.scope import Request, Way

USER = Request("GET", "/")
READY = Request("GET", "/ready", "kubelet", "readiness")
LIVE = Request("GET", "/live", "kubelet", "liveness")


class FakePatient:
    """A FaultSet, its clock, and its changes: `changes` as (time, reason, id)."""

    def __init__(self, *specs: str, seed: int = 0, way: Way = "inside") -> None:
        self.time = 0.0
        self.changes: list[tuple[float, str, str]] = []
        self.faults = FaultSet(lambda: self.time, random.Random(seed), self._note, way=way)
        for spec in specs:
            self.inject(spec)

    def _note(self, reason: str, active: InjectedFault) -> None:
        self.changes.append((self.time, reason, active.id))

    def inject(self, spec: str) -> InjectedFault:
        return self.faults.inject(parse_spec(spec))

    def at(self, time: float) -> list[Command]:
        self.time = time
        return self.faults.tick()

    def ask(self, request: Request = USER) -> RequestEffect:
        return self.faults.on_request(request)

    def answers(self, requests: int, request: Request = USER) -> list[int | None]:
        """Return the status that faults answer to each of several requests, None where none does."""
        effects = [self.ask(request) for _ in range(requests)]
        return [effect.response and effect.response.status for effect in effects]

    def states(self) -> list[str]:
        return [active.state for active in self.faults.list()]

    def healthy(self) -> set[str]:
        health = self.faults.health()
        return {name for name in ("startup", "readiness", "liveness") if getattr(health, name)}
