"""How fast a sim ran."""

from __future__ import annotations

import time

from crashy.timeline import Event, Timeline, kinds


class Speed:
    """Measures a run from now on: pod-hours on the timeline against wall-clock and CPU time."""

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
            self._advance(event.t, 1)
        elif event.kind == kinds.POD and event.reason == "Deleted":
            self._advance(event.t, -1)

    def _advance(self, now: float, change: int) -> None:
        self._pod_seconds += self._pods * (now - self._since)
        self._since = now
        self._pods += change

    def text(self) -> str:
        """Return the measurement as a line."""
        self._advance(self._timeline.now(), 0)
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        hours = self._pod_seconds / 3600
        return (
            f"{self._since / 3600:.2f} h passed in {wall:.1f} s: {hours:.1f} pod-hours, "
            f"{hours / cpu:.1f} for each second of CPU time"
        )
