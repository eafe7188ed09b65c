"""The app's readiness probe fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from crashy.faults.probe_fault import ProbeFault, probed_as, probed_from_outside
from crashy.faults.probed import Probed
from crashy.faults.scope import DefaultTarget


class Unready(ProbeFault):
    """Fail the readiness probe, so that the pod leaves its Service's endpoints."""

    target: ClassVar[DefaultTarget] = "readiness"
    examples: ClassVar[tuple[str, ...]] = (
        "unready",
        "unready times=3",
        "unready after=20s for=30s",
        "unready clients=kubelet p=0.5 seed=7",
        "unready protocols=http,tcp for=30s",
    )
    probed: ClassVar[Mapping[str, Probed]] = probed_as("unready", 503, "/readyz", "is_ready")
    probed_outside: ClassVar[Mapping[str, Probed]] = probed_from_outside("unready", 503)
