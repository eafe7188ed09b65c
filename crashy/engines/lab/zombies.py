"""Ended children that a container's process has not waited for.

PID 1 of a container inherits every orphan in it, those of exec probes too, and keeps as zombies what it doesn't wait
for, until no process can be started any more. Here are counted the children of the process's own; see `orphans` for the
others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from crashy.engines.lab import proc
from crashy.kubelet.runtime import Pod
from crashy.objects.pod import Container
from crashy.timeline import Timeline, kinds

LOOK = 5.0  # seconds between two looks


def count_zombies(pid: int) -> int:
    """Count the children of a process that have ended and wait to be waited for; 0 where there is no /proc."""
    states = map(proc.state, proc.children(pid) or ())
    return sum(state is not None and state[0] == "Z" for state in states)


async def watch_zombies(zombies: Callable[[], int], report: Callable[[int], None]) -> None:
    """Report how many zombies there are, whenever that has changed."""
    reported = 0
    while True:
        await asyncio.sleep(LOOK)
        count = zombies()
        if count != reported:
            reported = count
            report(count)


def zombies_report(timeline: Timeline, pod: Pod, container: Container) -> Callable[[int], None]:
    """Return what puts the number of a container's zombies on the timeline."""

    def report(count: int) -> None:
        text = f"{count} {'children' if count != 1 else 'child'} of its process ended and not waited for"
        data: kinds.Process = {"container": container.name, "zombies": count}
        kinds.PROCESS.add(timeline.add, "lab", pod.object, "Zombies", text, data)

    return report
