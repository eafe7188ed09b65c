"""The drain takes longer."""

from __future__ import annotations

from collections.abc import Callable

from crashy.faults.kinds.slow_drain import LongerDrain
from crashy.server.effects import Process


def begin(process: Process, effect: LongerDrain, _until: float | None) -> Callable[[], None]:
    """Let it take longer; what is returned lets it end in its own time."""
    process.shutdown.longer.append(effect.by)
    return lambda: process.shutdown.longer.remove(effect.by)
