"""The process's memory grows."""

from __future__ import annotations

import mmap
import threading
from collections.abc import Callable

from crashy.faults.kinds.memory import MemoryGrowth
from crashy.server.effects import Process
from crashy.server.machine import OwnMachine

STEP = 16 << 20
"""Bytes of a step, at most."""
_TICK = 0.1  # seconds from one step to the next at a rate
_WRITTEN = b"\xa5" * (1 << 20)


def begin(process: Process, effect: MemoryGrowth, _until: float | None) -> Callable[[], None]:
    """Grow on a thread, in steps that end where the machine has too little left; return what gives all of it back."""
    ended = threading.Event()
    held: list[mmap.mmap] = []
    thread = threading.Thread(target=_grow, args=(process, effect, held, ended), name="memory", daemon=True)
    thread.start()

    def end() -> None:
        ended.set()
        thread.join()
        for block in held:
            block.close()

    return end


def _grow(process: Process, effect: MemoryGrowth, held: list[mmap.mmap], ended: threading.Event) -> None:
    machine = OwnMachine()
    target = effect.target(machine.memory_limit)
    step = STEP if effect.rate is None else max(mmap.PAGESIZE, min(STEP, int(effect.rate * _TICK)))
    pause = 0.0 if effect.rate is None else step / effect.rate
    while target is not None and not ended.is_set():
        # Where the kernel doesn't tell, what is held is all that is known.
        own = machine.own_memory or sum(map(len, held))
        missing = min(target - own, step)
        if missing < mmap.PAGESIZE:
            return
        if own + missing > machine.memory_ceiling:
            process.warn("memory: grows no further, so that the machine keeps a tenth of its memory")
            return
        try:
            held.append(_block(missing))
        except OSError as error:
            process.warn(f"memory: grows no further: {error.strerror}")
            return
        ended.wait(pause)


def _block(size: int) -> mmap.mmap:
    """Return memory of a size whose every page was written to."""
    block = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    while (left := size - block.tell()) > 0:
        block.write(_WRITTEN[:left])
    return block
