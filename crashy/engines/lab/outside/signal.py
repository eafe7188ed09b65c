"""The container's first process gets a signal."""

from __future__ import annotations

from signal import SIGKILL

from crashy.engines.lab.outside import Process
from crashy.faults.effects import Signal


def begin(process: Process, effect: Signal, _until: float | None) -> None:
    """Send it; SIGKILL ends all of the container, frozen or not, any other may find a handler that does otherwise."""
    life = process.life
    if life and effect.number == SIGKILL:
        life.kill()
    elif life:
        life.process.send_signal(effect.number)
