"""What the faults leave of the health of the three probes."""

from __future__ import annotations

from typing import NamedTuple


class Health(NamedTuple):
    """The health of the three probes, by the faults alone: True unless a fault makes the probe fail every time.

    A fault that names routes, leaves out the kubelet, or is random doesn't count: it shows on the requests it hits.
    """

    startup: bool = True
    readiness: bool = True
    liveness: bool = True

    def without(self, other: Health) -> Health:
        """Return the health where both succeed."""
        return Health(*(one and two for one, two in zip(self, other, strict=True)))
