"""Binds pods to the one node, unless it is cordoned or not reachable: then they wait for it.

kubernetes: pkg/scheduler/schedule_one.go; pkg/controller/daemon/util/daemonset_util.go (what daemon pods tolerate).
"""

from __future__ import annotations

from collections.abc import Callable

from crashy.controllers.base import NODE
from crashy.controllers.taints import UNREACHABLE, UNSCHEDULABLE, admits
from crashy.kubelet.runtime import Pod
from crashy.kubelet.versions import EventTexts
from crashy.timeline import kinds
from crashy.timeline.kinds import Emit


class Scheduler:
    """Calls `start` for each pod that it binds."""

    def __init__(self, emit: Emit, texts: EventTexts) -> None:
        self.cordoned = False
        self.unreachable = False
        self._emit = emit
        self._texts = texts
        self._waiting: dict[str, tuple[Pod, Callable[[], None]]] = {}  # by uid

    def schedule(self, pod: Pod, start: Callable[[], None], *, daemon: bool) -> None:
        """Bind a pod, or keep it waiting while the node takes none; a DaemonSet's pod is bound anyway."""
        if not daemon and (why := self._against(pod)):
            self._waiting[pod.uid] = pod, start
            self._failed(pod, why)
        else:
            self._bind(pod, start)

    def _against(self, pod: Pod) -> str:
        """Return what the node has against a pod; empty if it takes it."""
        if self.cordoned and not admits(pod.template, UNSCHEDULABLE):
            return "were unschedulable"
        if self.unreachable and not admits(pod.template, UNREACHABLE):
            return self._texts.tainted.format(taint=UNREACHABLE)
        return ""

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
        if not self.unreachable:
            for pod, _ in self._waiting.values():  # the taint goes a moment after `spec.unschedulable`
                self._failed(pod, self._texts.tainted.format(taint=UNSCHEDULABLE))
        self._bind_waiting()

    def reached(self) -> None:
        """Take the taint of an unreachable node from it, and bind the pods that are waiting for it."""
        self.unreachable = False
        self._bind_waiting()

    def _bind_waiting(self) -> None:
        for pod, start in list(self._waiting.values()):
            if not self._against(pod):
                del self._waiting[pod.uid]
                self._bind(pod, start)

    def _bind(self, pod: Pod, start: Callable[[], None]) -> None:
        self._event(pod, "Normal", "Scheduled", f"Successfully assigned {pod.namespace}/{pod.name} to {NODE}")
        start()

    def _failed(self, pod: Pod, why: str) -> None:
        self._event(pod, "Warning", "FailedScheduling", self._texts.unschedulable.format(why=why))

    def _event(self, pod: Pod, kind: str, reason: str, message: str) -> None:
        data: kinds.KubernetesEvent = {"type": kind, "namespace": pod.namespace}
        kinds.EVENT.add(self._emit, "default-scheduler", pod.object, reason, message, data=data)
