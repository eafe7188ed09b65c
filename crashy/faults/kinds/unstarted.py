"""The app's startup probe fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.probe_fault import ProbeFault, probed_as, probed_from_outside
from crashy.faults.probed import Probed
from crashy.faults.scope import DefaultTarget


class Unstarted(ProbeFault):
    """Fail the startup probe, so that the others wait, until the kubelet restarts the container."""

    target: ClassVar[DefaultTarget] = "startup"
    examples: ClassVar[tuple[str, ...]] = (
        "unstarted",
        "unstarted times=3",
        "unstarted after=20s for=30s",
        "unstarted clients=kubelet p=0.5 seed=7",
        "unstarted protocols=http,tcp for=30s",
    )
    probed: ClassVar[Mapping[str, Probed]] = probed_as("unstarted", 503, "/startupz", "is_started")
    probed_outside: ClassVar[Mapping[str, Probed]] = probed_from_outside("unstarted", 503)
