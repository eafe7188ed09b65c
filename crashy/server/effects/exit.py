"""The process ends with an exit code."""

from __future__ import annotations

import os

from crashy.faults.effects import Exit
from crashy.server.effects import Process


def begin(process: Process, effect: Exit, _until: float | None) -> None:
    """End the process, at once."""
    process.last_words()
    os._exit(effect.code)
