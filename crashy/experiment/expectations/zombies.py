"""The most zombies of one container: ended children that its first process doesn't wait for (lab only)."""

from __future__ import annotations

from crashy.experiment.expectations import Run, bound
from crashy.timeline import kinds


def _most(run: Run) -> int:
    counts = (data["zombies"] for event, data in kinds.PROCESS.read(run.events) if event.reason == "Zombies")
    return max(counts, default=0)


EXPECTATION = bound(100, 'zombies: "== 0"', _most, listed=55)
