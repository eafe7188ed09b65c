"""All processes of the container stand still."""

from __future__ import annotations

import math
from collections.abc import Callable

from crashy.engines.sim.outside import Process
from crashy.faults.effects import Stop


def begin(process: Process, _effect: Stop, _until: float | None) -> Callable[[], None] | None:
    """Stop them; return what lets them go on."""
    life = process.life
    if life is None:
        return None
    before, life.process.stopped_until = life.process.stopped_until, math.inf

    def end() -> None:
        life.process.stopped_until = before
        life.look_again()

    return end
