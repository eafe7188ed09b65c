"""The thread that lets a patient's faults begin and end in time, whatever its loops do meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import Empty

from crashy.faults.effects import Begin, ProcessEffects
from crashy.server.patient import Order, Patient, resolve

ANSWERS_FIRST = 0.05
"""Seconds between the order to fall ill and the illness: the answer that says so leaves first."""


class FaultScheduler(threading.Thread):
    """Drives one patient: starts and ends its faults when they are due, obeys its orders, keeps its state files.

    `keep` is called whenever something may have changed.
    """

    def __init__(self, patient: Patient, effects: ProcessEffects, keep: Callable[[], None]) -> None:
        super().__init__(name="faults", daemon=True)
        self._patient = patient
        self._effects = effects
        self._keep = keep
        self._over = False

    def stop(self) -> None:
        """Let the thread end, and wait until it has."""
        self._over = True
        self._patient.orders.put(None)
        self.join()

    def run(self) -> None:
        """Wait for the next order or the next change, whichever comes first, until `stop`."""
        self._keep()
        while not self._over:
            try:
                order = self._patient.orders.get(timeout=self._patient.next_change())
            except Empty:
                order = None
                self._patient.tick()
            if order is not None:
                self._obey(order)
            self._keep()

    def _obey(self, order: Order) -> None:
        if order.executed is None and isinstance(order.command, Begin):
            time.sleep(max(0.0, order.given_at + ANSWERS_FIRST - self._patient.now()))
        self._effects.obey(order.command)
        if order.executed is not None:
            resolve(order.executed)
