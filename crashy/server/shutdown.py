"""The end of the patient, from the first SIGTERM or SIGINT to the end of its drain."""

from __future__ import annotations

import asyncio
import signal

from crashy.patient.life import QUIET
from crashy.server.patient import Patient


class Shutdown:
    """Takes the signals that end a patient, on its data plane's loop: the first asks it to drain, a second to exit."""

    def __init__(self, patient: Patient) -> None:
        self._patient = patient
        self._asked = asyncio.Event()
        self._forced = asyncio.Event()

    def listen(self) -> None:
        """Take the signals from now on."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)

    def _on_signal(self, number: signal.Signals) -> None:
        if self._asked.is_set():
            self._forced.set()
        self._asked.set()
        self._patient.add_event(
            "Signal", f"{number.name}: " + ("received again, exiting now" if self._forced.is_set() else "shutting down")
        )

    async def asked(self, within: float | None = None) -> bool:
        """Wait for the first signal, at most so many seconds; return whether it came."""
        return await _within(self._asked, within)

    async def drain(self) -> None:
        """Be unready but keep listening until no more requests come, at most DRAIN_SECONDS."""
        patient = self._patient
        patient.enter("draining")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patient.settings.drain_seconds
        last_request = loop.time()
        requests = patient.requests
        while loop.time() < min(deadline, last_request + QUIET):
            if await _within(self._forced, 0.02):
                break
            if patient.in_flight or patient.requests != requests:
                requests, last_request = patient.requests, loop.time()
        aborted = f"; {patient.in_flight} requests aborted" if patient.in_flight else ""
        patient.add_event("Drained", f"drain finished{aborted}", in_flight=patient.in_flight)


async def _within(event: asyncio.Event, seconds: float | None) -> bool:
    """Wait for an event at most that many seconds; return whether it was set."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
