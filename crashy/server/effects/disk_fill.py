"""A file in STATE_DIR grows."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from crashy.faults.kinds.disk import DiskFill
from crashy.server.effects import Process
from crashy.server.machine import OwnMachine
from crashy.server.statefiles import FILLING
from crashy.server.steps import take_in_steps

STEP = 16 << 20
"""Bytes of a step, at most."""
_BLOCK = 1 << 20


def begin(process: Process, effect: DiskFill, _until: float | None) -> Callable[[], None]:
    """Write to a file of its own, in steps, while the filesystem keeps a tenth; return what removes it."""
    machine = OwnMachine(state_dir=process.state_dir)
    left = effect.target(machine.disk_free or 0)
    block = os.urandom(_BLOCK)  # a filesystem that compresses makes nothing of it
    try:
        Path(process.state_dir).mkdir(parents=True, exist_ok=True)
        fd, name = tempfile.mkstemp(prefix=FILLING, dir=process.state_dir)
    except OSError as error:
        process.warn(f"disk: {process.state_dir}: can't write there: {error.strerror}")
        return lambda: None

    def take(count: int) -> bool:
        nonlocal left
        count = min(count, left)
        if count > machine.disk_ceiling:
            process.warn("disk: writes no more, so that the filesystem of STATE_DIR keeps a tenth")
            return False
        try:
            while count:
                written = os.write(fd, block[:count])
                count, left = count - written, left - written
        except OSError as error:
            process.warn(f"disk: writes no more: {error.strerror}")
            return False
        return left > 0

    stop = take_in_steps("disk", take, STEP, effect.rate)

    def end() -> None:
        stop()
        os.close(fd)
        Path(name).unlink(missing_ok=True)

    return end
