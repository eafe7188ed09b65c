"""The app's resolver fails: it finds no names."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.dependency_fault import DependencyFault
from crashy.faults.effects import NO_SUCH_NAME, TRY_AGAIN, LookEffect
from crashy.faults.probed import PASSES, Probed
from crashy.faults.scope import Look
from crashy.fields import param
from crashy.fields.values import Choice

_WORDS = {"unknown": NO_SUCH_NAME, "again": TRY_AGAIN}


class DnsFailure(DependencyFault):
    """Let the app's own lookups of names fail, those of its dependencies and its peers; addresses need none."""

    lookups: ClassVar[bool] = True
    examples: ClassVar[tuple[str, ...]] = (
        "dns-failure",
        "dns-failure mode=unknown names=db,*.svc for=30s",
        "dns-failure times=3",
    )
    probed: ClassVar[Mapping[str, Probed]] = {"dns-failure": PASSES, "dns-failure mode=unknown": PASSES}

    mode: str = param(
        Choice(*_WORDS), "unknown: there is no such name; again: the resolver gives no answer now", default="again"
    )

    def on_look(self, look: Look, rng: random.Random) -> LookEffect:
        """Fail, in the resolver's words."""
        return LookEffect(failure=_WORDS[self.mode])
