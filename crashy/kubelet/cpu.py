"""CPU limits and requests as the values of a control group.

kubelet: pkg/kubelet/kuberuntime/kuberuntime_container_linux.go calculateLinuxResources, pkg/kubelet/cm/helpers_linux.go
MilliCPUToQuota, MilliCPUToShares.
"""

from __future__ import annotations

import math

from crashy.objects.pod import Container
from crashy.objects.quantity import parse_quantity
from crashy.objects.resources import requirements

PERIOD = 100_000
"""Microseconds: a limit's share of CPU time is counted anew in each such period."""
_LEAST_QUOTA = 1_000
_SHARES = 1_024  # of one CPU
_LEAST_SHARES, _MOST_SHARES = 2, 262_144


def quota(cores: float) -> int:
    """Return the microseconds of CPU time in each period that a limit allows.

    >>> quota(0.05)
    5000
    """
    return max(_LEAST_QUOTA, math.ceil(cores * 1000) * PERIOD // 1000)


def requested(container: Container) -> int:
    """Return the CPU that a container requests, in millicores: its limit, where it says nothing.

    >>> requested(Container("app", resources={"limits": {"cpu": "0.5"}}))
    500
    """
    requests = requirements({"resources": container.resources}).get("requests", {})
    return math.ceil(parse_quantity(requests.get("cpu", 0)) * 1000)


def shares(millicores: int) -> int:
    """Return the weight (`cpu.shares`) of a request, beside others where all want more CPU time than there is."""
    return min(_MOST_SHARES, max(_LEAST_SHARES, millicores * _SHARES // 1000))
