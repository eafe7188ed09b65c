"""What becomes of a node whose kubelet is not heard of, and of its pods.

kubernetes: pkg/controller/nodelifecycle/node_lifecycle_controller.go, pkg/controller/util/node/controller_utils.go
(MarkPodsNotReady), pkg/controller/tainteviction/taint_eviction.go. A cluster whose nodes are *all* unreachable evicts
nothing; this node is taken for one of several, which have no room for its pods.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Protocol

from crashy.controllers.base import NODE
from crashy.controllers.scheduler import Scheduler
from crashy.controllers.taints import UNREACHABLE, tolerated_for
from crashy.kubelet.driver import PodDriver
from crashy.kubelet.runtime import Pod
from crashy.kubelet.versions import Profile
from crashy.objects.workload import Workload
from crashy.timeline import kinds
from crashy.timeline.kinds import Emit

MONITOR_SECONDS = 5.0
"""How often the control plane looks at its nodes (--node-monitor-period)."""
_OBJECT = f"node/{NODE}"
_SOURCE = "node-controller"
_TAINTS = "taint-eviction-controller"


class Pods(Protocol):
    """What the control plane knows of pods, and does to them."""

    def owner(self, pod: Pod) -> Workload | None:
        """Return the workload that owns a pod; None for a bare Pod."""

    def disrupt(self, pod: Pod, reason: str, message: str) -> None:
        """Delete a pod, whose condition DisruptionTarget says why."""


class NodeLifecycle:
    """Marks the node and its pods some time after `lost`, and evicts these unless the kubelet is `found` before.

    The last heartbeat is taken to be as late as possible: NotReady comes between one and two looks after the grace
    period, which the `profile` has; chance comes from `rng`.
    """

    def __init__(self, pods: Pods, scheduler: Scheduler, emit: Emit, profile: Profile, rng: random.Random) -> None:
        self.ready = True
        self._pods = pods
        self._scheduler = scheduler
        self._emit = emit
        self._profile = profile
        self._rng = rng
        self._timer: asyncio.TimerHandle | None = None
        self._evictions: dict[str, tuple[Pod, asyncio.TimerHandle]] = {}  # by the pods' uids

    def lost(self, bound: Mapping[str, PodDriver]) -> None:
        """Begin to wait for the kubelet, which is not heard of any more; `bound` are the node's pods, by uid."""
        seconds = self._profile.node_monitor_grace + self._rng.uniform(0, MONITOR_SECONDS)
        self._timer = asyncio.get_running_loop().call_later(seconds, self._not_ready, bound)

    def found(self) -> None:
        """Take everything back that can be: the kubelet reports again."""
        evictions = list(self._evictions.values())
        self.close()
        if self.ready:
            return
        self.ready = True
        self._condition("Normal", "True", "KubeletReady", "kubelet is posting ready status")
        self._node_event("kubelet", "NodeReady")
        for pod, _ in evictions:
            self._eviction(pod, f"Cancelling deletion of Pod {pod.namespace}/{pod.name}")
        self._scheduler.reached()

    def close(self) -> None:
        """Cancel what is due."""
        if self._timer:
            self._timer.cancel()
        for _, timer in self._evictions.values():
            timer.cancel()
        self._evictions.clear()

    def _not_ready(self, bound: Mapping[str, PodDriver]) -> None:
        self.ready = False
        self._condition("Warning", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
        self._node_event(_SOURCE, "NodeNotReady")
        self._scheduler.unreachable = True
        loop = asyncio.get_running_loop()
        for driver in list(bound.values()):
            pod, owner = driver.pod, self._pods.owner(driver.pod)
            if driver.status.ready:
                driver.node_not_ready()
                data: kinds.KubernetesEvent = {"type": "Warning", "namespace": pod.namespace}
                kinds.EVENT.add(self._emit, _SOURCE, pod.object, "NodeNotReady", "Node is not ready", data=data)
            seconds = tolerated_for(pod.template, UNREACHABLE)
            if seconds is not None and not (owner and owner.kind == "DaemonSet") and not driver.status.deleting:
                self._evictions[pod.uid] = pod, loop.call_later(seconds, self._evict, pod)

    def _evict(self, pod: Pod) -> None:
        del self._evictions[pod.uid]
        self._eviction(pod, f"Marking for deletion Pod {pod.namespace}/{pod.name}")
        self._pods.disrupt(pod, "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint")

    def _eviction(self, pod: Pod, message: str) -> None:
        kinds.normal(self._emit, _TAINTS, pod.object, "TaintManagerEviction", message, namespace=pod.namespace)

    def _node_event(self, source: str, reason: str) -> None:
        kinds.normal(self._emit, source, _OBJECT, reason, f"Node {NODE} status is now: {reason}", namespace="default")

    def _condition(self, kind: str, status: str, reason: str, message: str) -> None:
        data: kinds.Condition = {"type": kind, "condition": "Ready", "status": status, "namespace": "default"}
        kinds.CONDITION.add(self._emit, _SOURCE, _OBJECT, reason, message, data=data)
