"""The engines that run on this machine."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from crashy.client import labs_folder
from crashy.engines.base import Engine
from crashy.engines.lab.running import running as lab
from crashy.engines.sim.sim import running as sim
from crashy.kubelet.versions import Profile
from crashy.objects.standin import Models
from crashy.timeline import Timeline


def engine(
    name: str,
    timeline: Timeline,
    *,
    rng: random.Random,
    profile: Profile,
    note: Callable[[str], None],
    models: Models,
) -> AbstractAsyncContextManager[Engine]:
    """Return the engine `lab` or `sim`, which runs while the context is open; a lab calls `note` with each warning."""
    if name == "sim":
        return sim(timeline, rng=rng, profile=profile, models=models)
    return lab(timeline, labs=labs_folder(), note=note, rng=rng, profile=profile)
