"""The app's liveness probe fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.probe_fault import ProbeFault, probed_as, probed_from_outside
from crashy.faults.probed import Probed
from crashy.faults.scope import DefaultTarget


class Unlive(ProbeFault):
    """Fail the liveness probe, so that the kubelet restarts the container."""

    target: ClassVar[DefaultTarget] = "liveness"
    examples: ClassVar[tuple[str, ...]] = (
        "unlive",
        "unlive times=3",
        "unlive after=20s for=30s",
        "unlive clients=kubelet p=0.5 seed=7",
        "unlive protocols=http,tcp for=30s",
    )
    probed: ClassVar[Mapping[str, Probed]] = probed_as("unlive", 500, "/livez", "is_healthy")
    probed_outside: ClassVar[Mapping[str, Probed]] = probed_from_outside("unlive", 500)
