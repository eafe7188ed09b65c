"""One probe worker: whether to probe now, what an outcome changes, and when to check again.

The rules are those of kubelet: pkg/kubelet/prober/worker.go (run, doProbe), without its goroutine: time, the
container's published status and the handler's outcome are arguments, and a decision is returned.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from typing import Literal

from crashy.kubelet.outcome import Outcome, Results, Stored
from crashy.kubelet.versions import NEWEST, Profile
from crashy.objects.pod import Probe, ProbeType

RECENT_SECONDS = 10.0
"""What has run for longer when the kubelet starts, was there before it.

kubelet: pkg/kubelet/prober/prober_manager.go kubeletRestartGracePeriod.
"""
MAX_PROBE_RETRIES = 3
"""How often a handler is called in a row while it returns errors (kubelet: pkg/kubelet/prober/prober.go)."""

INITIAL = {ProbeType.LIVENESS: Stored.SUCCESS, ProbeType.READINESS: Stored.FAILURE, ProbeType.STARTUP: Stored.UNKNOWN}
"""What is stored for a container that was never probed."""


@dataclass(frozen=True, slots=True)
class ContainerView:
    """The part of the published pod status that a worker reads: one container, and the pod's phase.

    `id` is empty until the container is created. `started_at` is on the clock of `step`'s `now`, in seconds.
    `restartable` is false if an exit is final: by the container's restart policy or rules, or its pod's policy.
    """

    id: str = ""
    state: Literal["waiting", "running", "terminated"] = "waiting"
    started_at: float = 0.0
    started: bool = False
    restartable: bool = True
    pod_phase: str = "Running"
    pod_deleting: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """The result of one step.

    With `call_handler`, run the handler now (and again while `retry` returns true), and pass its outcome to the next
    `step`. `stored` is the result kept for `container_id` after this step; `changed` is true if it is new, which
    makes the pod sync. Without `keep_going` the worker is done: `close` it.
    """

    keep_going: bool
    call_handler: bool
    stored: Stored | None
    changed: bool
    container_id: str


class Worker:
    """The state of one container's probe of one type; it stores its result in `results`.

    >>> from crashy.kubelet.outcome import Result
    >>> from crashy.objects.pod import TCPSocket
    >>> worker = Worker(ProbeType.LIVENESS, Probe(TCPSocket(8080), failure_threshold=2))
    >>> app = ContainerView("A", "running", started=True)
    >>> refused = Outcome(Result.FAILURE, "connection refused")
    >>> [str(worker.step(now, app, refused).stored) for now in (0.0, 10.0)]
    ['success', 'failure']
    >>> worker.on_hold, worker.step(20.0, app).call_handler
    (True, False)
    """

    def __init__(
        self,
        probe_type: ProbeType,
        probe: Probe,
        results: Results | None = None,
        profile: Profile = NEWEST,
        kubelet_start: float = -math.inf,
    ) -> None:
        self.probe_type = probe_type
        self.probe = probe
        self.results = Results() if results is None else results
        self.container_id = ""
        self.on_hold = False
        """Nothing is probed until the container id changes."""
        self.result_run = 0
        """The number of equal outcomes in a row."""
        self._last: Stored | None = None
        self._in_flight = False
        self._profile = profile
        self._kubelet_start = kubelet_start

    def step(self, now: float, container: ContainerView | None, outcome: Outcome | None = None) -> Decision:
        """Decide what to do for a container from its status; None means that no status is known.

        Call it without an outcome at each tick and, if the decision has `call_handler`, again with the outcome, which
        is judged by the status at the first call, whatever has happened since. Without a first call, an outcome is
        what the handler would return, and is ignored if the handler would not be called.
        """
        if outcome is not None and self._in_flight:
            return self._conclude(outcome)
        decision = self._check(now, container)
        self._in_flight = decision.call_handler
        if outcome is None or not decision.call_handler:
            return decision
        concluded = self._conclude(outcome)
        return replace(concluded, changed=concluded.changed or decision.changed)

    def close(self) -> None:
        """Remove what the worker has stored; calling it again does nothing."""
        self.results.remove(self.container_id)

    def _check(self, now: float, container: ContainerView | None) -> Decision:
        if container is None:
            return self._decide()
        if container.pod_phase in {"Failed", "Succeeded"}:
            return self._decide(keep_going=False)
        if not container.id:
            return self._decide()
        changed = False
        if container.id != self.container_id:
            self.results.remove(self.container_id)
            self.container_id = container.id
            changed = self._begin(container)
            self.on_hold = False
        if self.on_hold:
            return self._decide()
        if container.state != "running":
            changed |= self.results.set(container.id, Stored.FAILURE)
            final = container.state == "terminated" and not container.restartable
            return self._decide(keep_going=not final, changed=changed)
        if self._ends_with_pod and container.pod_deleting:
            changed |= self.results.set(container.id, Stored.SUCCESS)
            return self._decide(keep_going=False, changed=changed)
        age = math.trunc(now - math.floor(container.started_at))
        waits_for_delay = age < self.probe.initial_delay_seconds
        waits_for_start = container.started == (self.probe_type is ProbeType.STARTUP)
        return self._decide(call_handler=not waits_for_delay and not waits_for_start, changed=changed)

    def _begin(self, container: ContainerView) -> bool:
        """Store what is known of a container that is new to this worker; return whether that is an update."""
        running = container.state == "running"
        if running and keeps_status(container.started_at, self._kubelet_start, self._profile):
            if self.probe_type is ProbeType.STARTUP and container.started:
                self.results.set(container.id, Stored.SUCCESS)
            return False
        return self.results.set(container.id, INITIAL[self.probe_type])

    def _conclude(self, outcome: Outcome) -> Decision:
        self._in_flight = False
        if outcome.errored:
            return self._decide()
        result = Stored.SUCCESS if outcome.healthy else Stored.FAILURE
        self.result_run = self.result_run + 1 if result is self._last else 1
        self._last = result
        failed = result is Stored.FAILURE
        if self.result_run < (self.probe.failure_threshold if failed else self.probe.success_threshold):
            return self._decide()
        changed = self.results.set(self.container_id, result)
        if self._holds_after(result):
            self.on_hold = True
            self.result_run = 0
        return self._decide(changed=changed)

    def _holds_after(self, result: Stored) -> bool:
        if result is Stored.FAILURE:
            return self.probe_type is not ProbeType.READINESS
        return self.probe_type is ProbeType.STARTUP and self._profile.startup_success_holds

    @property
    def _ends_with_pod(self) -> bool:
        return self.probe_type is not ProbeType.READINESS and self._profile.stops_liveness_on_deletion

    def _decide(self, *, keep_going: bool = True, call_handler: bool = False, changed: bool = False) -> Decision:
        return Decision(keep_going, call_handler, self.results.get(self.container_id), changed, self.container_id)


class Ticker:
    """The times of a worker's checks: ticks on a fixed grid, and at most one pending manual trigger.

    One tick is kept for a busy worker and any further ones are dropped, as by Go's time.Ticker: a probe that
    outlasts its period is followed by the next one at once, and the grid does not move.
    """

    def __init__(self, period: float, start: float, profile: Profile = NEWEST) -> None:
        self.period = period
        self._resets = profile.trigger_resets_ticker
        self._triggered = False
        self._grid = start
        self._next = 1

    @property
    def due(self) -> float:
        """Return the time of the next check; one in the past means at once."""
        return -math.inf if self._triggered else self._grid + self._next * self.period

    def trigger(self) -> bool:
        """Request a check at once; return False if one is already pending."""
        pending, self._triggered = self._triggered, True
        return not pending

    def take(self, now: float) -> None:
        """Consume what is due: the pending trigger, if any, else the tick and all missed ones."""
        if self._triggered:
            self._triggered = False
            if self._resets:
                self._grid, self._next = now, 1
            return
        self._next = max(self._next, math.floor((now - self._grid) / self.period)) + 1


def start_delay(period: float, kubelet_uptime: float, rng: random.Random, profile: Profile = NEWEST) -> float:
    """Return the seconds that a new worker sleeps before its first check and the start of its ticker."""
    if profile.always_jitters or period > kubelet_uptime:
        return rng.random() * period
    return 0.0


def keeps_status(started_at: float | None, kubelet_start: float, profile: Profile) -> bool:
    """Return whether a running container stays started and ready as it was, though the kubelet has restarted since."""
    recent = kubelet_start - RECENT_SECONDS
    return profile.keeps_status_on_restart and started_at is not None and math.floor(started_at) < recent


def retry(outcome: Outcome, calls: int) -> bool:
    """Return whether to call the handler again at once, after `calls` calls of which `outcome` is the last."""
    return outcome.errored and calls < MAX_PROBE_RETRIES


def is_started(
    *, running: bool, startup_result: Stored | None, has_startup_worker: bool, inherited: bool = False
) -> bool:
    """Return whether a container counts as started, which opens the gate for readiness and liveness.

    `inherited`: it does so by the status of the instance before it.
    kubelet: pkg/kubelet/prober/prober_manager.go isContainerStarted.
    """
    if not running:
        return False
    if startup_result is not None:
        return startup_result is Stored.SUCCESS
    return inherited or not has_startup_worker


def wants_trigger(*, running: bool, started: bool, readiness_result: Stored | None, profile: Profile = NEWEST) -> bool:
    """Return whether a sync triggers the container's readiness worker (kubelet: prober_manager.go UpdatePodStatus)."""
    return profile.triggers_readiness and running and started and readiness_result is not Stored.SUCCESS
