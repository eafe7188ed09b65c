"""The process has more and more file descriptors open, until it has none left for connections."""

from __future__ import annotations

import math
from collections.abc import Callable

from crashy.engines.sim.effects import ModelledProcess
from crashy.faults.kinds.fds import KEPT, FdLeak

_AT_REST = 20
"""Descriptors that the patient has open without faults and connections (Linux, uvloop)."""


def begin(process: ModelledProcess, effect: FdLeak, _until: float | None) -> Callable[[], None]:
    """Open them; what is returned closes them. From the last one on connections wait in the kernel's queue."""
    leaking, taken = [effect], False

    def exhaust() -> None:
        nonlocal taken
        if leaking:
            process.paused += 1
            taken = True

    def end() -> None:
        leaking.clear()
        process.paused -= taken

    if effect.exhausts(process.fds_limit):
        left = effect.target(process.fds_limit) - KEPT - _AT_REST
        process.kernel.call_at(process.kernel.now() + left / (effect.rate or math.inf), exhaust)
    return end
