"""Processes beside this one burn CPU."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from crashy.faults.kinds.cpu import CpuLoad
from crashy.server.effects import Process
from crashy.server.machine import OwnMachine

# Burns a share of a core, a tenth of a second after another, until the pipe from its parent is closed: by the parent,
# or by its death, however it came.
_BURNER = """
import select, sys, time
share, period = float(sys.argv[1]), 0.1
end = time.monotonic()
while not select.select([0], [], [], max(0, end - time.monotonic()))[0]:
    end, spent = time.monotonic() + period, time.process_time() + share * period
    while time.process_time() < spent and time.monotonic() < end:
        pass
"""
_burning: set[subprocess.Popen[bytes]] = set()


def begin(process: Process, effect: CpuLoad, _until: float | None) -> Callable[[], None]:
    """Start the burners, with those of other faults no more than there are cores; return what ends them.

    They are in this process's group, so that nothing is left when the group is killed.
    """
    burners: list[subprocess.Popen[bytes]] = []
    try:
        while len(burners) < effect.cores and len(_burning) < OwnMachine().cores:
            burners.append(_burner(effect.share.of(1)))
            _burning.add(burners[-1])
    except OSError as error:
        process.warn(f"cpu: {len(burners)} of {effect.cores} processes started: {error.strerror}")

    def end() -> None:
        for burner in burners:
            burner.kill()
        for burner in burners:
            burner.communicate()
        _burning.difference_update(burners)

    return end


def _burner(share: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-S", "-c", _BURNER, str(share)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)  # noqa: S603 - this Python, a constant script and a number
