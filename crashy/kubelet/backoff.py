"""The restart back-off (CrashLoopBackOff): the wait of an ended container, and the requeue of its pod.

The table is kubernetes: staging/src/k8s.io/client-go/util/flowcontrol/backoff.go, its use kubelet:
pkg/kubelet/kuberuntime/kuberuntime_manager.go doBackOff, the retry kubelet: pkg/kubelet/pod_workers.go completeWork.
"""

from __future__ import annotations

import random
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from crashy.kubelet.versions import NEWEST, Profile, Requeue

GC_SECONDS = 2.0
"""How often the kubelet's housekeeping calls `Backoff.gc`."""
RESYNC_SECONDS = 60.0
"""The kubelet's syncFrequency: a pod is synced about this often when nothing happens."""
WORK_QUEUE_SECONDS = 1.0
"""The period in which the kubelet checks which requeued pods are due."""

_RETRY_SECONDS = 10.0
_NETWORK_RETRY_SECONDS = 1.0
_JITTER = 0.5


@dataclass(frozen=True, slots=True)
class CrashLoop:
    """A container may not start before `until` (on the clock of `now`), `backoff` seconds after it had ended."""

    until: float
    backoff: float

    def message(self, *, container: str, pod: str, namespace: str, uid: str) -> str:
        """Return the message of `state.waiting` with the reason CrashLoopBackOff."""
        wait = format_go_duration(self.backoff)
        return f"back-off {wait} restarting failed container={container} pod={pod}_{namespace}({uid})"


@dataclass(slots=True)
class _Entry:
    backoff: float
    updated: float


class Backoff:
    """Waits that double from `initial` to `maximum` seconds, by key.

    An entry expires `reset_after` seconds (default: twice the maximum) after it was last raised. The kubelet's key is a
    pod's name, namespace and uid and a container's name, image and resources: changing one of these starts afresh.

    >>> waits = Backoff()
    >>> waits.do_backoff(5.0, "web/app", last_finished_at=5.0)  # the first restart is immediate
    >>> waits.do_backoff(10.0, "web/app", last_finished_at=10.0)
    CrashLoop(until=20.0, backoff=10.0)
    >>> waits.do_backoff(20.0, "web/app", last_finished_at=10.0)
    >>> waits.get("web/app")
    20.0
    """

    def __init__(self, initial: float = 10.0, maximum: float = 300.0, reset_after: float | None = None) -> None:
        self.initial = initial
        self.maximum = maximum
        self.reset_after = 2 * maximum if reset_after is None else reset_after
        self._entries: dict[Hashable, _Entry] = {}

    @property
    def expires_at(self) -> float | None:
        """Return the time after which an entry will have expired, None without entries."""
        return min(entry.updated + self.reset_after for entry in self._entries.values()) if self._entries else None

    def get(self, key: Hashable) -> float:
        """Return the current wait in seconds, 0 without an entry."""
        entry = self._entries.get(key)
        return entry.backoff if entry else 0.0

    def next(self, now: float, key: Hashable, event: float) -> None:
        """Raise the wait: to the initial one if the entry is absent or had expired at `event`, else to the double."""
        entry = self._entries.get(key)
        fresh = entry is None or self._expired(entry, event)
        backoff = self.initial if fresh or entry is None else min(2 * entry.backoff, self.maximum)
        self._entries[key] = _Entry(backoff, now)

    def in_backoff_since(self, now: float, key: Hashable, event: float) -> bool:
        """Return whether less than the wait has passed since `event`."""
        entry = self._entries.get(key)
        return entry is not None and not self._expired(entry, event) and now - event < entry.backoff

    def gc(self, now: float) -> None:
        """Remove expired entries, those of waiting containers included."""
        self._entries = {key: entry for key, entry in self._entries.items() if not self._expired(entry, now)}

    def do_backoff(self, now: float, key: Hashable, last_finished_at: float | None) -> CrashLoop | None:
        """Decide on a start at `now`: None means start (and the next wait is longer), else wait.

        `last_finished_at` is that of the newest *exited* record of the container in the snapshot which the sync began
        with, if any. A container killed by this same sync is still running there, which is why the back-off of
        containers that probes kill begins later than that of those that crash.
        """
        if last_finished_at is None:
            return None
        if self.in_backoff_since(now, key, last_finished_at):
            wait = self.get(key)
            return CrashLoop(last_finished_at + wait, wait)
        self.next(now, key, last_finished_at)
        return None

    def _expired(self, entry: _Entry, event: float) -> bool:
        return event - entry.updated > self.reset_after


def crash_loop_backoff(
    profile: Profile = NEWEST, *, reduced_decay: bool = False, max_restart_period: float | None = None
) -> Backoff:
    """Return the kubelet's table (kubelet: pkg/kubelet/kubelet.go newCrashLoopBackOff).

    `reduced_decay` is the gate ReduceDefaultCrashLoopBackOffDecay, `max_restart_period` the setting
    crashLoopBackOff.maxContainerRestartPeriod (1..300 s) under KubeletCrashLoopBackOffMax, which takes precedence.
    Raises ValueError for a period out of range, and for either where the version has no such gate.
    """
    if (reduced_decay or max_restart_period is not None) and not profile.crash_loop_gates:
        raise ValueError(f"Kubernetes {profile.version} has no setting for the restart back-off")
    initial, maximum = (1.0, 60.0) if reduced_decay else (10.0, 300.0)
    if max_restart_period is not None:
        if not 1 <= max_restart_period <= 300:
            raise ValueError(f"maxContainerRestartPeriod: {max_restart_period:g}: must be from 1 to 300 seconds")
        maximum = max_restart_period
        initial = min(initial, maximum)
    return Backoff(initial, maximum, reset_after=600.0)


@dataclass(frozen=True, slots=True)
class SyncFailure:
    """A cause of a sync's failure: a container in back-off `until`, the node's network, or anything else."""

    until: float | None = None
    network_not_ready: bool = False


def requeue_delay(
    now: float,
    failures: Sequence[SyncFailure],
    rng: random.Random,
    *,
    requeue: Requeue = NEWEST.requeue,
    resync: float = RESYNC_SECONDS,
    phase_transition: bool = False,
) -> float:
    """Return the seconds after a sync until the pod is due again, unless something else makes it sync sooner.

    A pod that has just started or finished terminating is due at once; without failures it is due after about `resync`.
    """
    if phase_transition:
        return 0.0
    if not failures:
        return _jitter(resync, rng)
    if any(failure.network_not_ready for failure in failures):
        return _jitter(_NETWORK_RETRY_SECONDS, rng)
    ends = [failure.until for failure in failures if failure.until is not None]
    if requeue is Requeue.POLL or not ends:
        return _jitter(_RETRY_SECONDS, rng)
    left = max(min(ends) - now, 0.0)
    return left if requeue is Requeue.EXACT else _jitter(min(left, resync), rng)


def format_go_duration(seconds: float) -> str:
    """Write seconds as Go's time.Duration does: `10s`, `1m20s`, `5m0s`, `1h0m0s`, `1.5s`, `250ms`, `0s`."""
    if seconds < 0:
        return "-" + format_go_duration(-seconds)
    nanoseconds = round(seconds * 1_000_000_000)
    if nanoseconds < 1_000_000_000:
        for unit, size in (("ms", 1_000_000), ("µs", 1_000), ("ns", 1)):
            if nanoseconds >= size:
                return _fraction(nanoseconds, size) + unit
        return "0s"
    minutes, rest = divmod(nanoseconds, 60_000_000_000)
    text = _fraction(rest, 1_000_000_000) + "s"
    if not minutes:
        return text
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{text}" if hours else f"{minutes}m{text}"


def _fraction(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    digits = f"{rest:0{len(str(unit)) - 1}d}".rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)


def _jitter(seconds: float, rng: random.Random) -> float:
    return seconds * (1 + _JITTER * rng.random())
