"""A process beside the container's holds memory in its control group."""

from __future__ import annotations

from collections.abc import Callable

from crashy.engines.lab.outside import Process
from crashy.engines.lab.outside.burners import burn
from crashy.engines.lab.started import Running
from crashy.faults.kinds.memory import MemoryGrowth

# Grows in steps until it holds so many bytes, at a rate (0: as fast as it can); then it keeps them.
_HOLDER = """
import mmap, os, sys, time
size, rate, parent, held = int(sys.argv[1]), int(sys.argv[2]), os.getppid(), []
step = max(mmap.PAGESIZE, min(16 << 20, int(rate * 0.1) if rate else 16 << 20))
while os.getppid() == parent:
    missing = min(step, size - sum(map(len, held)))
    if missing > 0:
        held.append(mmap.mmap(-1, missing, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
        while (left := missing - held[-1].tell()) > 0:
            held[-1].write(b"\\xa5" * min(left, 1 << 20))
    time.sleep(0.1 if missing <= 0 else step / rate if rate else 0)
"""
_KILLED = 137


def begin(process: Process, effect: MemoryGrowth, _until: float | None) -> Callable[[], None] | None:
    """Let all of the container's memory grow to a size; return what gives it back.

    Where the kernel kills the holder for the container's limit, the container ends as if it had held that itself.
    """
    life = process.life
    if life is None:
        return None
    target, usage = effect.target(life.memory_limit), life.usage()
    if target is None:
        return None
    limited = life.memory_limit is not None and target >= life.memory_limit
    size = target if limited else max(0, target - (usage.memory if usage else 0))

    def died(life: Running, code: int) -> None:
        if code == _KILLED and life.group and life.group.oom_kills():
            life.kill()

    return burn(process, _HOLDER, [str(size), str(effect.rate or 0)], count=1, died=died)
