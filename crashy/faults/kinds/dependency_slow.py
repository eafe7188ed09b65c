"""Something that the app depends on is slow, as the app sees it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.dependency_fault import DependencyFault
from crashy.faults.effects import LookEffect
from crashy.faults.kinds.latency import DelayKind
from crashy.faults.probed import PASSES, Probed
from crashy.faults.scope import Look
from crashy.fields import param
from crashy.fields.units import Distribution, Fixed


class DependencySlow(DependencyFault):
    """Let what the app depends on answer later than it does, as the app sees it."""

    instead: ClassVar[str] = "latency with target: service/NAME"
    examples: ClassVar[tuple[str, ...]] = (
        "dependency-slow",
        "dependency-slow names=db delay=2s for=1m",
        "dependency-slow delay=100ms..2s p=0.5",
    )
    probed: ClassVar[Mapping[str, Probed]] = {"dependency-slow": PASSES}

    delay: Distribution = param(DelayKind(), "how much later", default=Fixed(2.0))

    def on_look(self, look: Look, rng: random.Random) -> LookEffect:
        """Delay the answer."""
        return LookEffect(delay=self.delay.sample(rng))
