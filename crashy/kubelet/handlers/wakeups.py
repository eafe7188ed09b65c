"""When a pod's worker wakes up for its next sync: at relists, when its requeue is due, and when it is told to.

Containers' ends and starts are detected on a grid of ticks (kubelet: pkg/kubelet/pleg/generic.go), requeued pods on
another (kubelet: pkg/kubelet/util/queue/work_queue.go), and expired waits are collected on a third, the housekeeping's.
All times are the running loop's.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable

from crashy.kubelet.backoff import GC_SECONDS, WORK_QUEUE_SECONDS, Backoff, SyncFailure, requeue_delay
from crashy.kubelet.versions import Profile, Requeue


class Wakeups:
    """Wakes one pod's worker; calls `relist` before each wake-up that a relist causes.

    The phases of the first two are drawn relative to the pod's creation, so that the same draws give the same times at
    any time of the loop's clock.
    """

    def __init__(self, created_at: float, relist: Callable[[], None], profile: Profile, rng: random.Random) -> None:
        self._loop = asyncio.get_running_loop()
        self._created_at = created_at
        self._relist = relist
        self._profile = profile
        self._rng = rng
        self._relist_phase = created_at + rng.random() * profile.relist_seconds
        self._queue_phase = created_at + rng.random() * WORK_QUEUE_SECONDS
        self._synced_at = -math.inf
        self._closed = False
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._wake = asyncio.Event()
        self._wake.set()

    def wake(self) -> None:
        """Wake the worker up at once, or as soon as it waits."""
        self._wake.set()

    async def next_sync(self) -> None:
        """Wait for the next wake-up, and for the first relist after the end of the last sync."""
        await self._wake.wait()
        await self.relisted()
        self._wake.clear()

    def synced(self) -> None:
        """Note that a sync has ended."""
        self._synced_at = self._loop.time()

    def container_changed(self) -> None:
        """Wake the worker up at the next relist."""
        if "relist" not in self._timers and not self._closed:
            self._timers["relist"] = self._loop.call_at(self._relist_after(self._loop.time()), self._on_relist)

    async def relisted(self) -> None:
        """Wait for the first relist after the end of the last sync."""
        wait = self._relist_after(self._synced_at) - self._loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
            self._on_relist()

    def requeue(self, failures: list[SyncFailure]) -> None:
        """Wake the worker up when a sync that ended now, with these failures, is due again."""
        now, requeue = self._loop.time(), self._profile.requeue
        due = now + requeue_delay(now, failures, self._rng, requeue=requeue)
        if requeue is not Requeue.EXACT:
            due += (self._queue_phase - due) % WORK_QUEUE_SECONDS
        if timer := self._timers.get("requeue"):
            timer.cancel()
        self._timers["requeue"] = self._loop.call_at(due, self._wake.set)

    def housekeep(self, backoff: Backoff) -> None:
        """Collect the table's expired waits at the first tick of the housekeeping at which there are any."""
        if timer := self._timers.pop("housekeeping", None):
            timer.cancel()
        if (expires := backoff.expires_at) is not None:
            due = _after(max(expires, self._loop.time()), self._created_at, GC_SECONDS)
            self._timers["housekeeping"] = self._loop.call_at(due, self._collect, backoff, due)

    def close(self) -> None:
        """Cancel what is due; nothing wakes the worker up any more."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()

    def _collect(self, backoff: Backoff, tick: float) -> None:
        backoff.gc(tick)
        if self._profile.requeue is Requeue.EXACT:  # whose pods are synced as soon as they may start
            self._wake.set()
        self.housekeep(backoff)

    def _on_relist(self) -> None:
        if timer := self._timers.pop("relist", None):
            timer.cancel()
            self._relist()
            self._wake.set()

    def _relist_after(self, t: float) -> float:
        period = self._profile.relist_seconds
        if not period or t == -math.inf:
            return t
        return _after(t, self._relist_phase, period)


def _after(t: float, phase: float, period: float) -> float:
    """Return the first tick after `t`; rounding may make one of `t` itself."""
    due = phase + (math.floor((t - phase) / period) + 1) * period
    return due if due > t else due + period
