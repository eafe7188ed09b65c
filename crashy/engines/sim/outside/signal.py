"""The container's first process gets a signal."""

from __future__ import annotations

from functools import partial

from crashy.engines.sim.outside import Process
from crashy.faults.effects import Signal


def begin(process: Process, effect: Signal, _until: float | None) -> None:
    """Send it: SIGTERM is what the app makes of it, others end it; one that is stopped dies of SIGKILL alone."""
    life = process.life
    if life is None:
        return
    end = partial(life.process.kernel.exit, 128 + effect.number)
    match effect.name:
        case "KILL":
            end()
        case "TERM":
            life.terminate()
        case _:
            life.process.when_awake(end)
