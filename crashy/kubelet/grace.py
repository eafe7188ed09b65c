"""The grace period of a container: kubelet: pkg/kubelet/kuberuntime/kuberuntime_container.go killContainer."""

from __future__ import annotations

from enum import StrEnum

from crashy.kubelet.versions import NEWEST, Profile
from crashy.objects.pod import Container

MINIMUM_GRACE_SECONDS = 2
"""The least time between SIGTERM and SIGKILL, whatever a preStop hook has used up."""


class KillReason(StrEnum):
    """Why a container is killed, which decides which grace period applies."""

    LIVENESS = "liveness"
    STARTUP = "startup"
    OTHER = "other"


def grace_period(
    pod_grace: int | None,
    reason: KillReason = KillReason.OTHER,
    container: Container | None = None,
    *,
    deletion_grace: int | None = None,
    profile: Profile = NEWEST,
) -> int:
    """Return the seconds that a container is granted: the deletion's, else its failed probe's own, else the pod's.

    kubelet: kuberuntime_container.go setTerminationGracePeriod. `deletion_grace` is None unless the pod is deleted.
    """
    if deletion_grace is not None:
        return deletion_grace
    if container is not None and reason is not KillReason.OTHER and profile.probe_level_grace:
        probe = container.liveness_probe if reason is KillReason.LIVENESS else container.startup_probe
        if probe is not None and probe.termination_grace_period_seconds is not None:
            return probe.termination_grace_period_seconds
    return MINIMUM_GRACE_SECONDS if pod_grace is None else pod_grace


def runs_pre_stop(container: Container, grace: float) -> bool:
    """Return whether a kill runs the container's preStop hook first; it has at most `grace` seconds."""
    return container.lifecycle.pre_stop is not None and grace > 0


def grace_after_pre_stop(grace: int, pre_stop_seconds: float = 0.0) -> int:
    """Return the seconds between SIGTERM and SIGKILL, given how long the preStop hook took."""
    return max(grace - int(pre_stop_seconds), MINIMUM_GRACE_SECONDS)
