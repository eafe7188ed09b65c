"""One probe worker's task: the timers and calls around `worker.Worker`, which decides."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count

from crashy.kubelet.outcome import Outcome, Result
from crashy.kubelet.versions import Profile
from crashy.kubelet.worker import ContainerView, Decision, Ticker, Worker, retry
from crashy.objects.pod import Probe, ProbeType


class Prober:
    """Probes one container of one pod with one probe type until it is stopped; the container may be restarted.

    `view` returns the container's published status, `call` calls the handler once, `judged` is called with every final
    outcome, `changed` with every stored result that is new. `delay` is the seconds before the first check.
    """

    def __init__(
        self,
        worker: Worker,
        *,
        profile: Profile,
        delay: float,
        view: Callable[[], ContainerView | None],
        call: Callable[[str, Probe], Awaitable[Outcome]],
        judged: Callable[[ProbeType, Outcome], None],
        changed: Callable[[ProbeType, Decision], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._worker = worker
        self._delay = delay
        self._ticker = Ticker(worker.probe.period_seconds, self._loop.time() + delay, profile)
        self._view = view
        self._call = call
        self._judged = judged
        self._changed = changed
        self._wake = asyncio.Event()
        self._stopped = False

    @property
    def probe_type(self) -> ProbeType:
        """Return the type of its probe."""
        return self._worker.probe_type

    def trigger(self) -> None:
        """Check at once, or as soon as the probe in progress has ended."""
        self._ticker.trigger()
        self._wake.set()

    def stop(self) -> None:
        """End after the probe in progress, whose result is still stored."""
        self._stopped = True
        self._wake.set()

    async def run(self) -> None:
        """Check at each tick or trigger."""
        try:
            if self._delay:
                await asyncio.sleep(self._delay)
            while not self._stopped and await self._check():
                await self._until_due()
        finally:
            self._worker.close()

    async def _until_due(self) -> None:
        timer = self._loop.call_at(self._ticker.due, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            timer.cancel()
        self._wake.clear()
        self._ticker.take(self._loop.time())

    async def _check(self) -> bool:
        decision = self._decide()
        if not decision.call_handler:
            return decision.keep_going
        outcome = await self._attempt(decision.container_id)
        self._judged(self.probe_type, outcome)
        return self._decide(outcome).keep_going

    def _decide(self, outcome: Outcome | None = None) -> Decision:
        decision = self._worker.step(self._loop.time(), self._view(), outcome)
        if decision.changed:
            self._changed(self.probe_type, decision)
        return decision

    async def _attempt(self, container_id: str) -> Outcome:
        for calls in count(1):
            try:
                outcome = await self._call(container_id, self._worker.probe)
            except Exception as crash:  # noqa: BLE001 - a handler that crashes costs its outcome, not the probing
                return Outcome(Result.UNKNOWN, error=f"panic: {crash!r}")
            if not retry(outcome, calls):
                break
        return outcome
