"""SIGTERM is ignored."""

from __future__ import annotations

from collections.abc import Callable

from crashy.engines.sim.effects import ModelledProcess
from crashy.faults.kinds.ignore_sigterm import SigtermIgnored


def begin(process: ModelledProcess, _effect: SigtermIgnored, _until: float | None) -> Callable[[], None]:
    """Ignore it; what is returned lets it be heard again."""
    process.ignores_sigterm = True

    def end() -> None:
        process.ignores_sigterm = False

    return end
