"""The container's first process gets a signal."""

from __future__ import annotations

from crashy.engines.lab.outside import Process
from crashy.faults.effects import Signal


def begin(process: Process, effect: Signal, _until: float | None) -> None:
    """Send it; a process with a handler may survive it, and does what it does."""
    if process.life:
        process.life.program.folders.termination.write(effect.message)
        process.life.process.send_signal(effect.number)
