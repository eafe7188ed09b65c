"""The event loop is blocked."""

from __future__ import annotations

from collections.abc import Callable

from crashy.engines.sim.effects import ModelledProcess
from crashy.faults.effects import Block


def begin(process: ModelledProcess, _effect: Block, _until: float | None) -> Callable[[], None]:
    """Block the loop; what is returned lets it go on."""
    process.blocked = True

    def end() -> None:
        process.blocked = False

    return end
