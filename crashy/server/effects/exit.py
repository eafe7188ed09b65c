"""The process exits with a code."""

from __future__ import annotations

import os

from crashy.faults.effects import Exit
from crashy.server.effects import Process


def begin(process: Process, effect: Exit, _until: float | None) -> None:
    """Exit at once."""
    process.before_exit(effect.code, effect.message)
    os._exit(effect.code)
