"""The app's drain takes longer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.base import Fault
from crashy.faults.effects import ProcessEffect
from crashy.faults.probed import PASSES, Probed
from crashy.faults.scope import DefaultTarget
from crashy.fields import param
from crashy.fields.values import Duration


class LongerDrain(ProcessEffect):
    """The drain takes so many seconds longer; of several the longest counts."""

    def __init__(self, by: float) -> None:
        self.by = by


class SlowDrain(Fault):
    """Let the drain after SIGTERM take longer, by default until the kubelet's SIGKILL.

    It goes on, unready and answering, for as long after its usual end. When the fault ends first, so does the drain.
    """

    target: ClassVar[DefaultTarget] = "everything"
    rank: ClassVar[int] = 0
    examples: ClassVar[tuple[str, ...]] = (
        "slow-drain",
        "slow-drain by=10s",
        "slow-drain by=1h after=30s for=10m",
        "slow-drain routes=/checkout times=1",
    )
    probed: ClassVar[Mapping[str, Probed]] = {"slow-drain": PASSES}

    by: float = param(
        Duration(zero=False),
        "drain so much longer; the default is twice Kubernetes' default grace period",
        default=60.0,
    )

    def process_effect(self) -> ProcessEffect:
        """Return it."""
        return LongerDrain(self.by)
