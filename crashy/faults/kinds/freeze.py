"""The app freezes: it answers no request, and may refuse connections too."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import ClassVar

from crashy.faults.base import Fault, FaultError
from crashy.faults.effects import Block, Hang, ListenersClosed, Machine, ProcessEffect, RequestPart, Stop
from crashy.faults.probed import AWAITING, LATE_CALL, PASSES, REFUSED, UNREACHABLE, Probed
from crashy.faults.scope import DefaultTarget, Request
from crashy.fields import param
from crashy.fields.units import format_duration
from crashy.fields.values import Choice

MAX_STOP = 3600.0
WORKERS = 16
"""The worker threads of the app, as a threaded server has them."""


class HeldGil(ProcessEffect):
    """A call into C holds the interpreter's lock, so that no thread of the process runs Python."""

    stops: ClassVar[bool] = True


class _Waiting(ProcessEffect):
    """Threads of the process wait for what doesn't come."""

    threads: ClassVar[int]

    def check(self, machine: Callable[[], Machine]) -> None:
        """Raise FaultError if the process may not have so many more threads."""
        if self.threads > machine().threads_ceiling:
            raise FaultError("mode", f"needs {self.threads} more threads than the process may have here")


class BusyWorkers(_Waiting):
    """Every worker thread is busy with what doesn't end."""

    threads = WORKERS


class Deadlock(_Waiting):
    """Two threads wait for each other's lock."""

    threads = 2


_PROCESS_EFFECTS: dict[str, ProcessEffect] = {
    "loop": Block(),
    "stop": Stop(),
    "gil": HeldGil(),
    "threads": BusyWorkers(),
    "deadlock": Deadlock(),
    "deaf": ListenersClosed(),
}
_WAITING = ("threads", "deadlock")
_CONNECTIONS = ("hang", "deaf")
"""The modes that are about connections, from outside those of users alone unless `clients` says otherwise."""


_DEAF = Probed(http=f'Get "http://POD:8080/readyz": {REFUSED}', grpc=UNREACHABLE, tcp=REFUSED)


class Freeze(Fault):
    """Freeze the app: block its event loop, hang its requests, let all or some of its threads stand still, or be deaf.

    `mode=stop` and `mode=gil` need `for`, at most 1 h: a process that stands still can't receive the request to
    recover; from outside it need not. By `mode=threads` and `mode=deadlock` users' requests hang, which need a worker
    thread or a lock, but not the probes, which the event loop answers: the app looks alive.
    """

    target: ClassVar[DefaultTarget] = "everything"
    rank: ClassVar[int] = 0
    instead: ClassVar[str] = "mode=stop, loop, hang or deaf"
    examples: ClassVar[tuple[str, ...]] = (
        "freeze",
        "freeze mode=loop after=30s for=10s",
        "freeze mode=hang clients=kubelet times=3",
        "freeze mode=stop for=20s",
        "freeze mode=gil for=20s",
        "freeze mode=threads for=1m",
        "freeze mode=deadlock routes=/checkout",
        "freeze mode=deaf after=1m jitter=5s for=15s",
    )
    probed: ClassVar[Mapping[str, Probed]] = {
        "freeze": Probed(http=AWAITING, grpc=UNREACHABLE),
        "freeze mode=hang": Probed(http=AWAITING, grpc=LATE_CALL),
        "freeze mode=stop for=3s": Probed(http=AWAITING, grpc=UNREACHABLE),
        "freeze mode=gil for=3s": Probed(http=AWAITING, grpc=UNREACHABLE),
        "freeze mode=threads": PASSES,
        "freeze mode=threads clients=kubelet": Probed(http=AWAITING, grpc=LATE_CALL),
        "freeze mode=deadlock": PASSES,
        "freeze mode=deadlock clients=kubelet": Probed(http=AWAITING, grpc=LATE_CALL),
        "freeze mode=deaf": _DEAF,
    }
    probed_outside: ClassVar[Mapping[str, Probed]] = {
        "freeze mode=hang": PASSES,
        "freeze mode=hang clients=kubelet": Probed(http=AWAITING, grpc=LATE_CALL),
        "freeze mode=deaf": PASSES,
        "freeze mode=deaf clients=kubelet": _DEAF,
    }

    mode: str = param(
        Choice("loop", "hang", "stop", "gil", "threads", "deadlock", "deaf"),
        "loop blocks the event loop, hang never answers a request, stop stops its process (SIGSTOP; a lab's whole "
        "container where it can be frozen), gil lets all its threads wait for a call into C, threads keeps its worker "
        "threads busy, deadlock lets two threads wait for each other, deaf closes the listeners",
        default="loop",
    )

    def __post_init__(self) -> None:
        outside = self.scope.via == "outside"
        if self.mode in _WAITING or (outside and self.mode in _CONNECTIONS):
            vars(self)["target"] = "users"
        super().__post_init__()
        effect, lasts = self.process_effect(), self.scope.for_
        if outside:
            return
        if effect and effect.stops and lasts is None:
            else_ = ", or via=outside" if self.mode == "stop" else ""
            why = "a stopped process answers no requests"
            raise FaultError("for", f"mode={self.mode} needs it, at most 1h{else_}: {why}")
        if effect and effect.stops and lasts is not None and lasts > MAX_STOP:
            raise FaultError("for", f"'{format_duration(lasts)}': mode={self.mode} lasts at most 1h")

    def process_effect(self) -> ProcessEffect | None:
        """Return what freezes the whole process; None for `hang`, which holds requests one by one."""
        if self.scope.via == "outside" and self.mode == "loop":
            return Stop()
        if self.scope.via == "outside" and self.mode == "deaf":
            return ListenersClosed(clients=self.scope.clients or "users")
        return _PROCESS_EFFECTS.get(self.mode)

    @property
    def on_connections(self) -> bool:
        """Whether it is about connections: they are never answered, or refused."""
        return self.mode in _CONNECTIONS

    def waits_for_request(self) -> bool:
        """Return whether it waits for one; from outside `clients` says to whom the app is deaf, and is no trap."""
        if self.scope.via == "outside" and self.mode == "deaf":
            return self.scope.but(clients=None).names_requests
        return super().waits_for_request()

    @property
    def ends_with_process(self) -> bool:
        """Whether a new process is well again: it is, whatever the mode."""
        return True

    def acts_on_requests(self) -> bool:
        """Return whether it holds requests one by one."""
        return self.mode == "hang" or self.mode in _WAITING

    def on_request(self, request: Request, rng: random.Random) -> RequestPart | None:
        """Hold the request."""
        return Hang()
