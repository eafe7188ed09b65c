"""Something that the app depends on is down, as the app sees it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.dependency_fault import DependencyFault
from crashy.faults.effects import LookEffect
from crashy.faults.probed import PASSES, Probed
from crashy.faults.scope import Look


class DependencyDown(DependencyFault):
    """Let the app's connections to what it depends on be refused, as it sees it; nothing happens to the others."""

    instead: ClassVar[str] = "blackhole with target: service/NAME"
    examples: ClassVar[tuple[str, ...]] = (
        "dependency-down",
        "dependency-down names=cache for=1m",
        "dependency-down names=db:3306 p=0.3 seed=7",
    )
    probed: ClassVar[Mapping[str, Probed]] = {"dependency-down": PASSES}

    def on_look(self, look: Look, rng: random.Random) -> LookEffect:
        """Refuse the connection."""
        return LookEffect(failure="Connection refused")
