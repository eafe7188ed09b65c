"""How fast a sim went."""

from __future__ import annotations

import time

from crashy.timeline import Event, Timeline, kinds


class Speed:
    """Measures a run from now on: the pods' own time on the timeline, against the clock on the wall and the CPU."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._wall = time.perf_counter()
        self._cpu = time.process_time()
        self._pods = 0
        self._since = 0.0
        self._pod_seconds = 0.0
        timeline.subscribe(self._count)

    def _count(self, event: Event) -> None:
        if event.reason == "Scheduled":
            self._go_on(event.t, 1)
        elif event.kind == kinds.POD and event.reason == "Deleted":
            self._go_on(event.t, -1)

    def _go_on(self, now: float, more: int) -> None:
        self._pod_seconds += self._pods * (now - self._since)
        self._since = now
        self._pods += more

    def told(self) -> str:
        """Return it as a line."""
        self._go_on(self._timeline.now(), 0)
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        hours = self._pod_seconds / 3600
        return (
            f"{self._since / 3600:.2f} h passed in {wall:.1f} s: {hours:.1f} pod-hours, "
            f"{hours / cpu:.1f} for each second of CPU time"
        )
