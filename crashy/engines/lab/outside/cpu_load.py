"""Processes beside the container's burn CPU in its control group."""

from __future__ import annotations

from collections.abc import Callable

from crashy.engines.lab.outside import Process
from crashy.engines.lab.outside.burners import burn
from crashy.faults.kinds.cpu import CpuLoad

# Burns a share of a core, a tenth of a second after another.
_BURNER = """
import os, sys, time
share, period, parent = float(sys.argv[1]), 0.1, os.getppid()
while os.getppid() == parent:
    end, spent = time.monotonic() + period, time.process_time() + share * period
    while time.process_time() < spent and time.monotonic() < end:
        pass
    time.sleep(max(0, end - time.monotonic()))
"""


def begin(process: Process, effect: CpuLoad, _until: float | None) -> Callable[[], None] | None:
    """Start the burners; return what ends them."""
    return burn(process, _BURNER, [str(effect.share.of(1))], count=effect.cores)
