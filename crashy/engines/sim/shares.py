"""What CPU is left to a modelled app under its container's limit, and how much longer its work takes for it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

PERIOD = 0.1
"""Seconds for which the kernel's CFS bandwidth control hands out a limit's CPU time (kubelet: `cpuCFSQuotaPeriod`)."""
# CPU seconds, measured in the lab's control groups on the development machine (Linux 6.18)
BOOT_WORK = 0.15
"""Of the patient's start: 1.4 s under 100m."""
RESPONSE_WORK = 0.001
"""Of one response of the patient."""
_WORK = {"python": 0.04, "crashy": 0.02}  # of a Python client of HTTP, 0.5 s under 100m; of `crashy probe`
_OTHER_WORK = 0.002


def share_left(limit: float | None, loads: Sequence[float]) -> float:
    """Return the share of a core that a busy thread gets beside others of its container.

    `limit` is the container's in cores, `loads` what each other thread wants, from 0 to 1 core. The node itself has
    cores enough, so all run at once until the period's quota is used up, and the kernel hands it out by small slices in
    turn: a fair share to each, and what one doesn't want (a load below its share) goes to the others (max-min).
    """
    if limit is None:
        return 1.0
    left, waiting = limit, len(loads) + 1
    for load in sorted(loads):
        if load >= left / waiting:
            break
        left, waiting = left - load, waiting - 1
    return min(1.0, left / waiting)


def delay(work: float, limit: float | None, loads: Sequence[float]) -> float:
    """Return the seconds that so many CPU seconds of work take; 0 where the limit doesn't slow them down.

    Alone in its container, work that fits into one period's quota isn't throttled.
    """
    share = share_left(limit, loads)
    if share == 1.0 or (limit is not None and not loads and work <= limit * PERIOD):
        return 0.0
    return work / share


def program_work(program: str) -> float:
    """Return the CPU seconds that the start of a program takes."""
    name = PurePosixPath(program).name
    return next((work for word, work in _WORK.items() if name.startswith(word)), _OTHER_WORK)
