"""The thread that starts and ends a patient's faults on time, even while its event loops are blocked."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from queue import Empty

from crashy.faults.effects import Begin, ProcessEffects
from crashy.server.patient import Patient, QueuedCommand, resolve

_LOG = logging.getLogger(__name__)

ANSWERS_FIRST = 0.05
"""Seconds from a fault's start to its effect: the response to its injection is sent first."""


class FaultScheduler(threading.Thread):
    """Starts and ends one patient's faults when they are due, and executes its queued commands.

    `on_change` is called whenever the health may have changed, before what changes it is executed, and at least
    `every` so many seconds.
    """

    def __init__(
        self, patient: Patient, effects: ProcessEffects, on_change: Callable[[], None], every: float | None = None
    ) -> None:
        super().__init__(name="faults", daemon=True)
        self._patient = patient
        self._effects = effects
        self._on_change = on_change
        self._every = every
        self._stopped = False

    def stop(self) -> None:
        """Stop the thread and wait for its end."""
        self._stopped = True
        self._patient.command_queue.put(None)
        self.join()

    def run(self) -> None:
        """Wait for the next command or the next due fault, until `stop`."""
        self._on_change()
        while not self._stopped:
            try:
                if queued := self._patient.command_queue.get(timeout=self._patience()):
                    self._execute(queued)
            except Empty:
                self._patient.tick()
            self._on_change()

    def _patience(self) -> float | None:
        due, every = self._patient.next_change(), self._every
        return due if every is None else every if due is None else min(due, every)

    def _execute(self, queued: QueuedCommand) -> None:
        if queued.executed is None and isinstance(queued.command, Begin):
            time.sleep(max(0.0, queued.queued_at + ANSWERS_FIRST - self._patient.now()))
        try:
            self._effects.execute(queued.command)
        except Exception as error:  # noqa: BLE001 - the last resort: without this thread no fault would end
            _LOG.exception("%s", queued.command.effect.file)
            self._patient.add_event("Limited", f"{queued.command.effect.file}: failed: {error}", level="warning")
        if queued.executed is not None:
            resolve(queued.executed)
