"""SIGTERM is ignored."""

from __future__ import annotations

from collections.abc import Callable

from crashy.faults.kinds.ignore_sigterm import SigtermIgnored
from crashy.server.effects import Process


def begin(process: Process, _effect: SigtermIgnored, _until: float | None) -> Callable[[], None]:
    """Ignore it; what is returned lets it be heard again."""
    process.shutdown.ignoring = True

    def end() -> None:
        process.shutdown.ignoring = False

    return end
