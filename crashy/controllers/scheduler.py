"""Binds pods to the one node, unless it is cordoned: then they wait for it.

kubernetes: pkg/scheduler/schedule_one.go; pkg/controller/daemon/util/daemonset_util.go (what daemon pods tolerate).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crashy.controllers.base import NODE
from crashy.kubelet.runtime import Pod
from crashy.timeline import kinds
from crashy.timeline.kinds import Emit

_TAINT = "node.kubernetes.io/unschedulable"
_UNSCHEDULABLE = (
    "0/1 nodes are available: 1 node(s) {}. no new claims to deallocate, preemption: 0/1 nodes are available: "
    "1 Preemption is not helpful for scheduling."
)


class Scheduler:
    """Calls `start` for each pod that it binds."""

    def __init__(self, emit: Emit) -> None:
        self.cordoned = False
        self._emit = emit
        self._waiting: dict[str, tuple[Pod, Callable[[], None]]] = {}  # by uid

    def schedule(self, pod: Pod, start: Callable[[], None], *, daemon: bool) -> None:
        """Bind a pod, or keep it waiting while the node is cordoned; a DaemonSet's pod is bound anyway."""
        if self.cordoned and not daemon and not any(map(_tolerates, pod.template.raw["spec"].get("tolerations") or ())):
            self._waiting[pod.uid] = pod, start
            self._failed(pod, "were unschedulable")
        else:
            self._bind(pod, start)

    def waits(self, pod: Pod) -> bool:
        """Return whether a pod has no node yet."""
        return pod.uid in self._waiting

    def forget(self, pod: Pod) -> None:
        """Remove a pod that was deleted before it was bound."""
        self._waiting.pop(pod.uid, None)

    def cordon(self) -> bool:
        """Make the node unschedulable; return whether it was schedulable before."""
        before, self.cordoned = self.cordoned, True
        return not before

    def uncordon(self) -> None:
        """Make the node schedulable, and bind the pods that are waiting for it."""
        self.cordoned = False
        waiting, self._waiting = list(self._waiting.values()), {}
        for pod, _ in waiting:
            self._failed(pod, "had untolerated taint(s)")  # the taint goes a moment after `spec.unschedulable`
        for pod, start in waiting:
            self._bind(pod, start)

    def _bind(self, pod: Pod, start: Callable[[], None]) -> None:
        self._event(pod, "Normal", "Scheduled", f"Successfully assigned {pod.namespace}/{pod.name} to {NODE}")
        start()

    def _failed(self, pod: Pod, why: str) -> None:
        self._event(pod, "Warning", "FailedScheduling", _UNSCHEDULABLE.format(why))

    def _event(self, pod: Pod, kind: str, reason: str, message: str) -> None:
        data: kinds.KubernetesEvent = {"type": kind, "namespace": pod.namespace}
        kinds.EVENT.add(self._emit, "default-scheduler", pod.object, reason, message, data=data)


def _tolerates(toleration: dict[str, Any]) -> bool:
    """Return whether it lets a pod onto a cordoned node (kubernetes: component-helpers Toleration.ToleratesTaint)."""
    return (
        toleration.get("effect") in {None, "", "NoSchedule"}
        and toleration.get("key") in {None, "", _TAINT}
        and (
            toleration.get("operator") == "Exists" or (toleration.get("key") == _TAINT and not toleration.get("value"))
        )
    )
