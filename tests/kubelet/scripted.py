"""A modelled container with a script: its response is a function of time.

Seconds count from the container's start. By default a container listens soon after its start,
answers 200 to everything, and ends at once with code 0 at SIGTERM.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from crashy.engines.sim.process import Condition, Cut, Full, Hang, Kernel, Refuse, Stall, Stopped
from crashy.faults.scope import Client
from crashy.kubelet.runtime import Pod
from crashy.objects.pod import GRPC, Container, Exec, Handler, HTTPGet, TCPSocket
from crashy.patient.answers import Answer

__all__ = [
    "Answer",
    "Condition",
    "Cut",
    "Full",
    "Hang",
    "Life",
    "Refuse",
    "ScriptedPhase",
    "ScriptedProcess",
    "Stall",
    "Stopped",
]


@dataclass(frozen=True, slots=True)
class ScriptedPhase:
    """A condition from `start` until `end`, for the targets that one of the globs matches.

    A target is a probe's path, its command joined by spaces, `tcp`, or `grpc:` and the service.
    """

    condition: Condition
    start: float = 0.0
    end: float = math.inf
    targets: tuple[str, ...] = ("*",)

    def holds(self, t: float, target: str) -> bool:
        """Return whether it holds at `t` for that target; the end is no part of it."""
        return self.start <= t < self.end and any(fnmatchcase(target, glob) for glob in self.targets)


@dataclass(frozen=True, slots=True)
class Life:
    """The script of one life of a container.

    `start_seconds` is what the runtime needs to start it (or to find that it can't, for the reason `start_error`),
    `exits_at` when it ends by itself, `term_seconds` the time from SIGTERM to its end (None: it ignores SIGTERM).
    `on_term` are phases whose seconds count from SIGTERM. Of the phases that hold, the last one counts.
    """

    start_seconds: float = 0.07
    start_error: str = ""
    listens_at: float = 0.055
    phases: tuple[ScriptedPhase, ...] = ()
    exits_at: float | None = None
    exit_code: int = 0
    term_seconds: float | None = 0.0
    term_code: int = 0
    on_term: tuple[ScriptedPhase, ...] = ()
    backlog: int = 5

    def begin(self, kernel: Kernel) -> ScriptedProcess:
        """Begin the life now."""
        process = ScriptedProcess(self, kernel)
        if self.exits_at is not None:
            kernel.call_at(process.began + self.exits_at, lambda: kernel.exit(self.exit_code))
        return process


def healthy(_pod: Pod, _container: Container, _attempt: int) -> Life:
    """Return a life without failures."""
    return Life()


@dataclass(slots=True)
class ScriptedProcess:
    """A process that follows its script, and what has been injected since."""

    life: Life
    kernel: Kernel
    injected: list[ScriptedPhase] = field(default_factory=list)
    terminated_at: float | None = None
    queued: int = 0
    began: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.kernel.now()

    @property
    def age(self) -> float:
        """Return the seconds since the start."""
        return self.kernel.now() - self.began

    def condition(self, t: float, target: str, *, network: bool = True) -> Condition:
        """Return the response to that target at `t`; what runs inside it (no `network`) needs no listener."""
        if network and t < self.life.listens_at:
            return Refuse()
        phases = [s for s in (*self.life.phases, *self.injected) if s.holds(t, target)]
        if self.terminated_at is not None:
            phases += [s for s in self.life.on_term if s.holds(t - self.terminated_at, target)]
        return phases[-1].condition if phases else Answer()

    def inject(self, phase: ScriptedPhase) -> None:
        """Add a phase whose seconds count from now."""
        self.injected.append(replace(phase, start=self.age + phase.start, end=self.age + phase.end))

    def listens(self, port: int) -> bool:
        """Return False: it has no ports of its own; a request to its container follows the script."""
        return False

    async def respond(self, handler: Handler, port: int, within: float, client: Client) -> Condition:
        """Return the response to a handler now; connections in a stopped one's backlog are counted."""
        condition = self.condition(self.age, target(handler), network=not isinstance(handler, Exec))
        if not isinstance(condition, Stopped):
            self.queued = 0
            return condition
        self.queued += 1
        return Full() if self.queued > self.life.backlog + 1 else condition

    def terminate(self) -> None:
        """Take SIGTERM: once it runs, it ends in its own time."""
        self.terminated_at = self.age
        feels_it_at = self.runs_again_at(self.age)
        if self.life.term_seconds is not None and feels_it_at < math.inf:
            ends_at = self.began + feels_it_at + self.life.term_seconds
            self.kernel.call_at(ends_at, lambda: self.kernel.exit(self.life.term_code))

    def ended(self) -> None:
        """Do nothing: no request is in flight, as each is answered at once."""

    def runs_again_at(self, t: float) -> float:
        """Return the moment from `t` on at which it takes signals: `t` itself unless it is stopped; inf for never."""
        for phase in sorted((*self.life.phases, *self.injected), key=lambda s: s.start):
            if isinstance(phase.condition, Stopped) and phase.start <= t < phase.end:
                t = phase.end
        return t


def target(handler: Handler) -> str:
    """Name what a handler asks for, as a `ScriptedPhase`'s globs see it."""
    match handler:
        case HTTPGet():
            return handler.path
        case Exec():
            return " ".join(handler.command)
        case GRPC():
            return f"grpc:{handler.service}"
        case TCPSocket():
            return "tcp"
