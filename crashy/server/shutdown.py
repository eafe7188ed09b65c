"""The end of the patient by a signal: it takes SIGTERM and SIGINT, drains as SHUTDOWN says, and sums up."""

from __future__ import annotations

import asyncio
import math
import signal
from collections.abc import Callable

from crashy.patient.life import QUIET
from crashy.patient.shutdown import UserRequests, summary
from crashy.server.answered import GAVE_UP
from crashy.server.patient import Patient
from crashy.server.termination import write_termination_message
from crashy.timeline import kinds

_POLL = 0.02


class Shutdown:
    """Takes the signals that end a patient, on its data plane's loop: the first asks it to drain, a second to exit.

    Faults set `ignoring`, so that SIGTERM is lost, and add to `longer` the seconds by which the drain is longer.
    """

    def __init__(self, patient: Patient) -> None:
        self._patient = patient
        self._mode = patient.settings.shutdown
        self._asked = asyncio.Event()
        self._forced = asyncio.Event()
        self._signal = ""
        self._at_signal = UserRequests(0, 0)
        self._drained_at: int | None = None  # what the timeline had then
        self.ignoring = False
        self.longer = [math.inf] if self._mode == "slow" else [0.0]

    def listen(self) -> None:
        """Take the signals from now on."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)

    def _on_signal(self, number: signal.Signals) -> None:
        patient = self._patient
        if number == signal.SIGTERM and (self.ignoring or self._mode == "ignore"):
            does = "ignored"
        elif self._asked.is_set():
            does = "received again, exiting now"
            self._forced.set()
        else:
            does = "shutting down"
            self._signal, self._at_signal = number.name, UserRequests(patient.requests, patient.finished)
            self._asked.set()
        patient.add_event("Signal", f"{number.name}: {does}")

    async def asked(self, seconds: float = math.inf) -> bool:
        """Wait for the first signal, at most so many seconds; return whether it came."""
        return await within(self._asked, seconds)

    async def drain(self, stop_listening: Callable[[], None]) -> None:
        """Be unready until no more requests come, at most DRAIN_SECONDS, and listen meanwhile unless SHUTDOWN forbids.

        Where nothing listens, the requests in flight are the last.
        """
        patient = self._patient
        patient.enter("draining")
        quiet = QUIET
        if self._mode == "listener-first":
            stop_listening()
            quiet = 0.0
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patient.settings.drain_seconds
        last_request, requests = loop.time(), patient.requests
        while True:
            if patient.in_flight or patient.requests != requests:
                requests, last_request = patient.requests, loop.time()
            ends = min(deadline, math.inf if patient.in_flight else last_request + quiet)
            if loop.time() >= ends + max(self.longer) or await self.forced():
                break
        aborted = f"; {patient.in_flight} requests aborted" if patient.in_flight else ""
        patient.add_event("Drained", f"drain finished{aborted}", in_flight=patient.in_flight)
        self._drained_at = len(patient.timeline)

    async def linger(self, seconds: float) -> None:
        """Wait for so many seconds, and as much longer as faults want, unless a second signal comes."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while loop.time() < began + seconds + max(self.longer) and not await self.forced():
            pass

    async def forced(self) -> bool:
        """Wait a moment for a second signal; return whether it came."""
        return await within(self._forced, _POLL)

    def conclude(self) -> None:
        """Sum up, in the log and in the termination message; nothing unless a signal has come, and only once."""
        if not self._signal:
            return
        patient, signal_name = self._patient, self._signal
        self._signal = ""
        summed = summary(self._at_signal, UserRequests(patient.requests, patient.finished - self._cut()))
        text = summed.text(signal_name)
        patient.add_event("Shutdown", text, **summed._asdict())
        write_termination_message(patient.settings.termination_message_path, text)

    def _cut(self) -> int:
        """Return how many requests of users were cut off since the drain."""
        if self._drained_at is None:
            return 0
        since = self._patient.timeline.since(self._drained_at)
        return sum(
            served["status"] == GAVE_UP and served["client"] == "users" and not served["path"].startswith("/admin/")
            for _, served in kinds.SERVED.read(since)
        )


async def within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event at most that many seconds, which may be infinite; return whether it was set."""
    try:
        await asyncio.wait_for(event.wait(), None if seconds == math.inf else seconds)
    except TimeoutError:
        return False
    return True
