"""The patient: its faults, its health, its countdowns; no sockets, no process."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from crashy.errors import BadInput
from crashy.faults.active import FaultSet
from crashy.faults.base import Fault, FaultError
from crashy.faults.effects import Command, Machine, Stop
from crashy.faults.health import Health
from crashy.faults.injected import InjectedFault, RequestEffect
from crashy.faults.scope import PROTOCOLS, Client, Protocol, Request, Way, client_of
from crashy.patient.countdowns import armed
from crashy.patient.identity import Identity
from crashy.patient.life import HEALTH_IN, Phase
from crashy.patient.settings import Settings
from crashy.server.answered import Watcher, answered
from crashy.server.lease import Lease
from crashy.server.logs import Log
from crashy.timeline import Timeline, kinds

if TYPE_CHECKING:
    from crashy.patient.lives import Lives
    from crashy.server.seen import SeenProbes

KEPT_EVENTS = 10_000


class QueuedCommand(NamedTuple):
    """A command for the process, and when it was queued, on the patient's clock.

    `executed` is resolved after its execution: the request that triggered the fault waits for it.
    """

    command: Command
    queued_at: float
    executed: Future[None] | None = None


def resolve(future: Future[None]) -> None:
    """Resolve the future, unless it was cancelled."""
    if future.set_running_or_notify_cancel():
        future.set_result(None)


class Patient:
    """One patient, safe to use from the data loop, the admin thread and the fault scheduler.

    The commands for the process are in `command_queue`, which the fault scheduler executes; None only wakes it.
    `now` returns monotonic seconds. Events go to the timeline alone; `log` receives them from the first on.
    `pid` is the process's own: as process 1 of a container it can't be stopped. `machine` returns what it may use.
    """

    way: ClassVar[Way] = "inside"
    """How its faults act."""

    def __init__(
        self,
        settings: Settings,
        identity: Identity,
        *,
        now: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
        log: Log | None = None,
        pid: int = 0,
        machine: Callable[[], Machine] | None = None,
    ) -> None:
        self.settings = settings
        self.identity = identity
        self.object = f"pod/{identity.pod}"
        """The object of its events."""
        self.timeline = Timeline(now, keep=KEPT_EVENTS)
        self.watchers: tuple[Watcher, ...] = (self.timeline.add_lazy("request", partial(answered, identity.pod)),)
        """Each is called with every request and its answer: the timeline, the access log, the metrics."""
        if log is not None:
            self.timeline.subscribe(log, exclude=("request",))
            if settings.access_log:
                self.watchers += (partial(log.answered, identity.pod),)
        self.phase: Phase = "serving" if settings.app_start_delay is None else "warming up"
        self.command_queue: SimpleQueue[QueuedCommand | None] = SimpleQueue()
        self.request_faults: frozenset[str] = frozenset()
        """The ids of the faults that may act on requests: while there are none, requests skip the fault hook."""
        self.in_flight = 0
        """Requests that the data plane is answering now, without the admin API's."""
        self.requests = 0
        """Requests of users that the data plane has received, without the admin API's."""
        self.finished = 0
        """Requests of users that the data plane has answered, or whose clients have gone."""
        self.lives: Lives | None = None
        """This life and the former ones, where a record of them is kept."""
        self.ports: tuple[int, ...] = ()
        self.admin_port: int | None = None
        self.now = now
        self._pid = pid
        self._started_at = now()
        self._command_lock = threading.Lock()
        self._waiting: dict[str, set[Future[None]]] = {}
        self._waiting_lock = threading.Lock()
        self._seen: SeenProbes | None = None
        self.dependencies: Dependencies | None = None
        if settings.dependencies:
            from crashy.patient.dependencies import Dependencies  # noqa: PLC0415 - few need it

            self.dependencies = Dependencies.of(settings)
        self.lease = Lease(now)
        """Which call to the fleet has this pod for itself."""
        rng = rng or random.Random()
        self.faults = FaultSet(now, rng, self._changed, machine, self.way)
        self.warm_up = (settings.app_start_delay or 0.0) + rng.uniform(0, settings.app_start_delay_jitter)
        """Seconds from the start until the ports are bound."""
        self._countdowns = {name: self.inject(fault, name) for name, fault in armed(settings, rng)}
        for fault in settings.faults:
            try:
                self.inject(fault, "FAULTS")
            except FaultError as error:
                raise BadInput(f"FAULTS: {fault.to_spec()}: {error}") from None

    def add_event(self, reason: str, message: str, kind: str = kinds.PATIENT_LOG, **data: Any) -> None:
        """Add an event about the patient to the timeline."""
        self.timeline.put(0.0, self.identity.pod, kind, self.object, reason, message, data)

    def begin_request(self, user_agent: str, *, counted: bool = True) -> Client:
        """Count a request of any protocol and return its client; `end_request` must follow.

        Requests to the admin API and malformed ones aren't `counted`.
        """
        client = client_of(user_agent)
        if counted:
            self.requests += client == "users"
            self.in_flight += 1
        return client

    def end_request(  # noqa: PLR0917 - as `Watcher`
        self,
        method: str,
        path: str,
        client: Client,
        status: int,
        seconds: float,
        remote: str | None,
        service: str | None = None,
        *,
        counted: bool = True,
    ) -> None:
        """Add the request and its response to the timeline; it is no longer in flight."""
        if counted:
            self.in_flight -= 1
            self.finished += client == "users"
        for watch in self.watchers:
            watch(method, path, client, status, seconds, remote, service)

    @property
    def seen(self) -> SeenProbes:
        """What was seen of the kubelet's probes."""
        if self._seen is None:
            from crashy.server.seen import SeenProbes  # noqa: PLC0415 - until a probe comes, nothing needs it

            with self._waiting_lock:  # both planes may see the first one
                self._seen = self._seen or SeenProbes(self.settings.probes, self.now, self._started_at)
        return self._seen

    def inject(self, fault: Fault, source: str = "admin") -> InjectedFault:
        """Inject a fault; raises FaultError if there are too many, or if this process doesn't support it."""
        if self._pid == 1 and isinstance(fault.process_effect(), Stop):
            raise FaultError(
                "mode", "'stop': process 1 of a container can't be stopped from inside; run it under an init"
            )
        active = self.faults.inject(fault, source)
        self.tick()
        if fault.target == "dependencies" and not self._concerns(fault):
            text = f"fault {active.id}: nothing in DEPENDENCIES is selected by {fault.to_spec()}"
            self.add_event("NoEffect", text, level="warning")
        return active

    def _concerns(self, fault: Fault) -> bool:
        dependencies = self.dependencies
        return bool(self.settings.peers or (dependencies and dependencies.concerned(fault)))

    def recover(self, which: str | None = None) -> list[InjectedFault]:
        """End the fault with this id, those of this name, or all; return those that this call ended."""
        ended = self.faults.recover(which)
        self.tick()
        return ended

    def tick(self) -> None:
        """Start and end the faults that are due, and queue the commands for the process."""
        with self._command_lock:
            for command in self.faults.tick():
                self.command_queue.put(QueuedCommand(command, self.now()))
        self.command_queue.put(None)

    def on_request(self, request: Request, since: int = 0) -> tuple[RequestEffect, Future[None] | None]:
        """Count a request; return what happens to it, and the future it must wait for first if it triggered a fault.

        The first `since` faults that have started do nothing to it.
        """
        with self._command_lock:
            effect = self.faults.on_request(request, since)
            if not effect.commands:
                return effect, None
            executed: Future[None] = Future()
            for command in effect.commands[:-1]:
                self.command_queue.put(QueuedCommand(command, self.now()))
            self.command_queue.put(QueuedCommand(effect.commands[-1], self.now(), executed))
            return effect, executed

    def release(self, holder: InjectedFault | None) -> None:
        """Let go of a request that a fault has held, if one has."""
        if holder is not None:
            self.faults.release(holder)

    def end_of(self, active: InjectedFault) -> Future[None]:
        """Return a future that is resolved when this fault has ended or was recovered."""
        ended: Future[None] = Future()
        with self._waiting_lock:
            self._waiting.setdefault(active.id, set()).add(ended)
        if active.state == "ended":  # perhaps before the future was added
            self._wake(active.id)
        return ended

    def forget(self, active: InjectedFault, ended: Future[None]) -> None:
        """Drop a future of `end_of`: the client has disconnected."""
        with self._waiting_lock:
            self._waiting.get(active.id, set()).discard(ended)

    def own_health(self) -> Health:
        """Return the health of the three probes without faults: that of its phase and of what they check."""
        health = HEALTH_IN[self.phase]
        return health.without(self.dependencies.health()) if self.dependencies else health

    def health(self, protocol: Protocol | None = None) -> Health:
        """Return the health of the three probes, faults included, by one protocol or by all."""
        listens = HEALTH_IN["warming up" if self.phase == "warming up" else "serving"]
        own = listens if protocol == "tcp" else self.own_health()
        return own.without(self.faults.health(protocol) if protocol else self.faults.health())

    def enter(self, phase: Phase) -> None:
        """Enter the next phase; the scheduler updates the state files at once."""
        self.phase = phase
        self.command_queue.put(None)

    def next_change(self) -> float | None:
        """Return the seconds until the next `tick` is due, or None."""
        due = self.faults.next_change()
        return None if due is None else max(0.0, due - self.now())

    def uptime(self) -> float:
        """Return the seconds since the start."""
        return self.now() - self._started_at

    def countdowns(self) -> list[dict[str, Any]]:
        """Describe the countdowns that settings started: the seconds that remain, None for no limit."""
        described: list[dict[str, Any]] = []
        if self.phase == "warming up":
            remaining = self._remaining(self._started_at + self.warm_up)
            described.append({"name": "APP_START_DELAY", "fault": None, "state": "active", "remaining": remaining})
        for name, active in self._countdowns.items():
            until = active.starts_at if active.state == "pending" else active.ends_at
            remaining = 0.0 if active.state == "ended" else self._remaining(until)
            described.append({"name": name, "fault": active.id, "state": active.state, "remaining": remaining})
        return described

    def status(self) -> dict[str, Any]:
        """Describe the patient as `GET /admin/status` shows it; durations in seconds."""
        now = self.now()
        return {
            **self.identity._asdict(),
            "persona": self.settings.persona,
            "phase": self.phase,
            "uptime": round(self.uptime(), 3),
            "ports": list(self.ports),
            "admin_port": self.admin_port,
            "health": self.health()._asdict(),
            "protocols": {protocol: self.health(protocol)._asdict() for protocol in PROTOCOLS},
            "in_flight": self.in_flight,
            "requests": self.requests,
            "lives": self.lives and self.lives.to_json(),
            "probes": self.seen.summary() if self._seen or self.settings.probes else [],
            "dependencies": self.dependencies.describe() if self.dependencies else [],
            "countdowns": self.countdowns(),
            "faults": [active.to_json(now) for active in self.faults.list()],
        }

    def _remaining(self, until: float | None) -> float | None:
        return None if until is None else round(max(0.0, until - self.now()), 3)

    def _changed(self, reason: str, active: InjectedFault) -> None:
        # Called under the lock of the FaultSet, by the thread that changed something.
        if active.state == "ended":
            self.request_faults -= {active.id}
            self._wake(active.id)
        elif active.request_triggered or active.state == "active":
            self.request_faults |= {active.id}
        message = f"fault {active.id}: {active.fault.to_spec()}"
        self.add_event(reason, message, kinds.FAULT, id=active.id, source=active.source)
        self.command_queue.put(None)

    def _wake(self, id: str) -> None:  # noqa: A002
        with self._waiting_lock:
            waiting = self._waiting.pop(id, set())
        for ended in waiting:
            resolve(ended)
