"""Children that a container's process has not waited for.

PID 1 of a container inherits every orphan in it, those of exec probes too, and keeps as zombies what it doesn't wait
for, until no process can be started any more. Here are counted the children of the process's own; see `orphans` for the
others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

LOOK = 5.0  # seconds between two looks


def count_zombies(pid: int) -> int:
    """Count the children of a process that have ended and wait to be waited for; 0 where there is no /proc."""
    children: list[str] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # that thread has just ended
            children += path.read_text().split()
    return sum(_is_zombie(child) for child in children)


def _is_zombie(pid: str) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] == "Z"  # what stands before it, the program's name, may hold anything


async def watch_zombies(zombies: Callable[[], int], tell: Callable[[int], None]) -> None:
    """Tell how many zombies there are, whenever that has changed."""
    told = 0
    while True:
        await asyncio.sleep(LOOK)
        count = zombies()
        if count != told:
            told = count
            tell(count)
