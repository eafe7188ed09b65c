"""Which pods a step is about, at the moment it is performed."""

from __future__ import annotations

import random
from collections.abc import Sequence

from crashy.engines.base import PodView
from crashy.experiment.model import Target


def choose(target: Target, views: Sequence[PodView], rng: random.Random) -> list[PodView]:
    """Give the pods that a target means: those that are ready are preferred where chance decides."""
    if target.text == "all":
        return list(views)
    if target.text == "any":
        return _some(views, 1, rng)
    if target.count is not None:
        labelled = [v for v in views if all(v.pod.template.labels.get(k) == w for k, w in target.labels.items())]
        return _some(labelled, target.count, rng)
    return [view for view in views if view.pod.name.startswith(target.text)][:1]


def _some(views: Sequence[PodView], count: int, rng: random.Random) -> list[PodView]:
    ready = [view for view in views if view.status.ready]
    others = [view for view in views if not view.status.ready]
    chosen = rng.sample(ready, min(count, len(ready)))
    return chosen + rng.sample(others, min(count - len(chosen), len(others)))


def spared(chosen: Sequence[PodView], views: Sequence[PodView], keep_ready: int) -> list[PodView]:
    """Give as many of the chosen as leave `keep_ready` ready pods alone; those that aren't ready cost nothing."""
    budget = sum(view.status.ready for view in views) - keep_ready
    kept = []
    for view in chosen:
        if view.status.ready:
            budget -= 1
        if not view.status.ready or budget >= 0:
            kept.append(view)
    return kept
