"""The app ignores SIGTERM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.base import Fault
from crashy.faults.effects import ProcessEffect
from crashy.faults.probed import PASSES, Probed
from crashy.faults.scope import DefaultTarget


class SigtermIgnored(ProcessEffect):
    """SIGTERM is lost on the process."""


class IgnoreSigterm(Fault):
    """Ignore SIGTERM, so that the app goes on until the kubelet's SIGKILL.

    One that comes meanwhile is lost: it doesn't take effect when the fault ends either.
    """

    target: ClassVar[DefaultTarget] = "everything"
    rank: ClassVar[int] = 0
    examples: ClassVar[tuple[str, ...]] = (
        "ignore-sigterm",
        "ignore-sigterm for=1m",
        "ignore-sigterm after=30s",
        "ignore-sigterm routes=/checkout times=1",
    )
    probed: ClassVar[Mapping[str, Probed]] = {"ignore-sigterm": PASSES}

    def process_effect(self) -> ProcessEffect:
        """Return it."""
        return SigtermIgnored()
