"""What the containers of a lab use now, as a metrics server would say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from crashy.controllers.base import PodView
from crashy.engines.lab.cgroup import Usage
from crashy.errors import BadInput
from crashy.kubectl.top import ContainerUsage, PodUsage

WINDOW = 1.0  # seconds over which CPU time is measured; a metrics server takes 15, and as long until it knows a pod
UNAVAILABLE = "error: Metrics API not available"


async def measure(usage: Callable[[], Mapping[str, Usage] | None], views: Sequence[PodView]) -> list[PodUsage]:
    """Measure what pods use: CPU for the next moment, then memory; those in which nothing runs are left out.

    `usage` returns what each container has used until now, by its id. Raises BadInput where nothing counts it.
    """
    loop = asyncio.get_running_loop()
    before, began = usage(), loop.time()
    if before is None:
        raise BadInput(f"{UNAVAILABLE}: no control groups here that this lab may use (docs/lab.md, What needs Linux)")
    await asyncio.sleep(WINDOW)
    after, seconds = usage() or {}, loop.time() - began
    pods = []
    for view in views:
        statuses = (*view.status.init_containers, *view.status.containers)
        known = [
            (status.name, before[status.id], after[status.id])
            for status in statuses
            if status.id in before.keys() & after
        ]
        used = tuple(ContainerUsage(name, (b.cpu - a.cpu) / seconds, b.memory) for name, a, b in known)
        if used:
            pods.append(PodUsage(view.pod.namespace, view.pod.name, used))
    return pods
