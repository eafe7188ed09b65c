"""The container's first process is killed: from outside nobody chooses the code that it exits with."""

from __future__ import annotations

from crashy.engines.lab.outside import Process
from crashy.faults.effects import Exit


def begin(process: Process, effect: Exit, _until: float | None) -> None:
    """SIGKILL all of the container, as the end of its first process does."""
    if process.life:
        process.life.program.folders.termination.write(effect.message)
        process.life.kill()
