"""The patient: its faults, its health, its countdowns; no sockets, no process."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from typing import Any, NamedTuple

from crashy.errors import BadInput
from crashy.faults.active import Active, FaultSet, Health, RequestEffect
from crashy.faults.base import Fault, FaultError
from crashy.faults.effects import Command, Stop
from crashy.faults.scope import Client, Request
from crashy.patient.countdowns import armed
from crashy.patient.identity import Identity
from crashy.patient.life import Phase, health_in
from crashy.patient.settings import Settings
from crashy.server.answered import answered
from crashy.timeline import Event, Timeline

KEPT_EVENTS = 10_000

KUBELET = "kube-probe/"
"""How the User-Agent of a kubelet's probe begins."""


class Order(NamedTuple):
    """A command for the process, given at a moment on the patient's clock.

    `struck` is done once it was carried out: the request that sprang it waits for it.
    """

    command: Command
    given_at: float
    struck: Future[None] | None = None


def settle(future: Future[None]) -> None:
    """Resolve the future, unless nobody waits for it any more."""
    if future.set_running_or_notify_cancel():
        future.set_result(None)


class Patient:
    """One patient, safe to use from the data loop, the admin thread and the fault scheduler.

    It says what is to be done to the process (`orders`, in order) and leaves the doing to the fault scheduler: None in
    the queue only wakes it. `now` gives monotonic seconds. What happens is told to the timeline alone,
    which `log` follows from the first event.
    `pid` is the process's own: as process 1 of a container it can't be stopped.
    """

    def __init__(
        self,
        settings: Settings,
        identity: Identity,
        *,
        now: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
        log: Callable[[Event], None] | None = None,
        pid: int = 0,
    ) -> None:
        self.settings = settings
        self.identity = identity
        self.object = f"pod/{identity.pod}"
        """What its events are about."""
        self.timeline = Timeline(now, keep=KEPT_EVENTS)
        if log is not None:
            self.timeline.subscribe(log, exclude=() if settings.access_log else ("request",))
        self.answered = self.timeline.add_lazy("request", partial(answered, identity.pod))
        """Records a request and its answer: method, path, client, status, seconds it took, remote address."""
        self.phase: Phase = "serving" if settings.app_start_delay is None else "warming up"
        self.orders: SimpleQueue[Order | None] = SimpleQueue()
        self.ill: frozenset[str] = frozenset()
        """The ids of the faults that requests may meet: while there is none, they are let through unseen."""
        self.in_flight = 0
        """Requests that the data plane is answering now, admin's apart."""
        self.requests = 0
        """Requests of users that the data plane has taken in, admin's apart."""
        self.ports: tuple[int, ...] = ()
        self.admin_port: int | None = None
        self.now = now
        self._pid = pid
        self._started_at = now()
        self._order = threading.Lock()
        self._waiting: dict[str, list[Future[None]]] = {}
        self._waiting_lock = threading.Lock()
        rng = rng or random.Random()
        self.faults = FaultSet(now, rng, self._changed)
        self.warm_up = (settings.app_start_delay or 0.0) + rng.uniform(0, settings.app_start_delay_jitter)
        """Seconds from the start in which no port is bound."""
        self._countdowns = {name: self.inject(fault, name) for name, fault in armed(settings, rng)}
        for fault in settings.faults:
            try:
                self.inject(fault, "FAULTS")
            except FaultError as error:
                raise BadInput(f"FAULTS: {fault.to_spec()}: {error}") from None

    def say(self, reason: str, message: str, kind: str = "log", **data: Any) -> None:
        """Add what happened to the patient to the timeline."""
        self.timeline.put(0.0, self.identity.pod, kind, self.object, reason, message, data)

    def begin_request(self, user_agent: str, *, counted: bool = True) -> Client:
        """Count a request, of whichever protocol, and return who sent it; `end_request` must follow.

        Those to the admin API aren't `counted`, nor are those that no app saw.
        """
        client: Client = "kubelet" if user_agent.startswith(KUBELET) else "users"
        if counted:
            self.requests += client == "users"
            self.in_flight += 1
        return client

    def end_request(  # noqa: PLR0917 - what `answered` takes
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
        """Put a request and its answer on the timeline; it is in flight no more."""
        self.in_flight -= counted
        self.answered(method, path, client, status, seconds, remote, service)

    def inject(self, fault: Fault, source: str = "admin") -> Active:
        """Arm a fault now; raises FaultError if there are too many, or if this process can't have it."""
        if self._pid == 1 and isinstance(fault.process_effect(), Stop):
            raise FaultError(
                "mode", "'stop': the kernel lets nobody inside the container stop its process 1; run it under an init"
            )
        active = self.faults.inject(fault, source)
        self.tick()
        return active

    def recover(self, which: str | None = None) -> list[Active]:
        """End the fault with this id, those of this name, or all; return those that this ended."""
        ended = self.faults.recover(which)
        self.tick()
        return ended

    def tick(self) -> None:
        """Start and end the faults whose time has come, and order what that does to the process."""
        with self._order:
            for command in self.faults.tick():
                self.orders.put(Order(command, self.now()))
        self.orders.put(None)

    def on_request(self, request: Request) -> tuple[RequestEffect, Future[None] | None]:
        """Count a request; return what happens to it, and what it must wait for first if it sprang a trap."""
        with self._order:
            effect = self.faults.on_request(request)
            if not effect.commands:
                return effect, None
            struck: Future[None] = Future()
            for command in effect.commands[:-1]:
                self.orders.put(Order(command, self.now()))
            self.orders.put(Order(effect.commands[-1], self.now(), struck))
            return effect, struck

    def end_of(self, active: Active) -> Future[None]:
        """Return a future that is done when this fault has ended, by itself or taken back."""
        ended: Future[None] = Future()
        with self._waiting_lock:
            self._waiting.setdefault(active.id, []).append(ended)
        if active.state == "ended":  # before we waited for it, perhaps
            self._wake(active.id)
        return ended

    def forget(self, active: Active, ended: Future[None]) -> None:
        """Wait no longer for the end of this fault: the client has gone."""
        with self._waiting_lock:
            waiting = self._waiting.get(active.id, [])
            if ended in waiting:
                waiting.remove(ended)

    def health(self) -> Health:
        """Return the three health answers, from the phase of this life and the faults that hold."""
        faults, phase = self.faults.health(), health_in(self.phase)
        return Health(
            startup=faults.startup and phase.startup,
            readiness=faults.readiness and phase.readiness,
            liveness=faults.liveness and phase.liveness,
        )

    def enter(self, phase: Phase) -> None:
        """Go on to the next phase of this life; the scheduler sees to the state files at once."""
        self.phase = phase
        self.orders.put(None)

    def next_change(self) -> float | None:
        """Return the seconds until `tick` has something to do, or None."""
        due = self.faults.next_change()
        return None if due is None else max(0.0, due - self.now())

    def uptime(self) -> float:
        """Return the seconds since the start."""
        return self.now() - self._started_at

    def countdowns(self) -> list[dict[str, Any]]:
        """Describe what the variables armed: the seconds that remain, None where nothing runs out."""
        told = []
        if self.phase == "warming up":
            told.append(
                {
                    "name": "APP_START_DELAY",
                    "fault": None,
                    "state": "active",
                    "remaining": self._left(self._started_at + self.warm_up),
                }
            )
        for name, active in self._countdowns.items():
            until = active.starts_at if active.state == "pending" else active.ends_at
            remaining = 0.0 if active.state == "ended" else self._left(until)
            told.append({"name": name, "fault": active.id, "state": active.state, "remaining": remaining})
        return told

    def status(self) -> dict[str, Any]:
        """Describe the patient as `GET /admin/status` shows it; durations in seconds."""
        health = self.health()
        now = self.now()
        return {
            "pod": self.identity.pod,
            "namespace": self.identity.namespace,
            "ip": self.identity.ip,
            "node": self.identity.node,
            "version": self.identity.version,
            "color": self.identity.color,
            "persona": self.settings.persona,
            "phase": self.phase,
            "uptime": round(self.uptime(), 3),
            "ports": list(self.ports),
            "admin_port": self.admin_port,
            "health": {"startup": health.startup, "readiness": health.readiness, "liveness": health.liveness},
            "in_flight": self.in_flight,
            "requests": self.requests,
            "countdowns": self.countdowns(),
            "faults": [active.to_json(now) for active in self.faults.list()],
        }

    def _left(self, moment: float | None) -> float | None:
        return None if moment is None else round(max(0.0, moment - self.now()), 3)

    def _changed(self, reason: str, active: Active) -> None:
        # Told under the faults' own lock, by whichever thread changed something.
        if active.state == "ended":
            self.ill -= {active.id}
            self._wake(active.id)
        elif active.trap or active.state == "active":
            self.ill |= {active.id}
        self.say(reason, f"fault {active.id}: {active.fault.to_spec()}", "fault", id=active.id, source=active.source)
        self.orders.put(None)

    def _wake(self, id: str) -> None:  # noqa: A002
        with self._waiting_lock:
            waiting = self._waiting.pop(id, [])
        for ended in waiting:
            settle(ended)
