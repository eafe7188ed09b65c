"""A DaemonSet's controller: one pod on the node, and the way from one template to the next.

kubernetes: pkg/controller/daemon/{daemon_controller,update}.go; what is decided is in `daemons.py`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from crashy.controllers.apply import completed
from crashy.controllers.base import PodView, Views
from crashy.controllers.daemons import DaemonPod, counted, decide
from crashy.controllers.names import template_hash
from crashy.controllers.rollout import is_available
from crashy.controllers.steps import JUST_AFTER, Steps
from crashy.kubelet.runtime import Pod
from crashy.objects.daemonset import DaemonSet
from crashy.objects.names import generated
from crashy.objects.pod import PodTemplate
from crashy.timeline import kinds
from crashy.timeline.kinds import Emit

REVISION = "controller-revision-hash"


class DaemonSetController:
    """Keeps a DaemonSet's pod, and is the owner of it."""

    def __init__(
        self,
        workload: DaemonSet,
        *,
        create: Callable[[str, str, PodTemplate, DaemonSetController], None],
        delete: Callable[[Pod], None],
        emit: Emit,
        rng: random.Random,
    ) -> None:
        self.workload = workload
        self.pods = Views()
        self._create = create
        self._delete = delete
        self._emit = emit
        self._rng = rng
        self._loop = asyncio.get_running_loop()
        self.created_at = self._loop.time()
        self._steps = Steps(self._step, self.sync)

    def apply(self, workload: DaemonSet) -> None:
        """Replace its specification."""
        self.workload = workload
        self.sync()

    def owns(self, owner: object) -> bool:
        """Return whether `owner` is itself: it owns its pods."""
        return owner is self

    def changed(self) -> None:
        """Act on the recorded changes of its pods."""
        self.sync()

    def stop(self) -> None:
        """Cancel its timer."""
        self._steps.stop()

    def sync(self) -> None:
        """Take all the steps that are due, and wait for the next one."""
        if self._steps.run():
            self._steps.wait(self._dues())

    def _step(self) -> None:
        workload = self.workload
        decision = decide(self._seen(), surges=workload.surges, on_delete=workload.on_delete)
        by_name = {view.pod.name: view.pod for view in self.pods.values()}
        for name in decision.delete:
            self._event("SuccessfulDelete", f"Deleted pod: {name}")
            self._delete(by_name[name])
        if decision.create:
            name = generated(f"{workload.name}-", self._rng)
            labels = {**workload.template.labels, REVISION: self._revision()}
            self._event("SuccessfulCreate", f"Created pod: {name}")
            self._create(name, workload.namespace, replace(workload.template, labels=labels), self)

    def _revision(self) -> str:
        return template_hash(completed(self.workload.template))

    def _seen(self) -> list[DaemonPod]:
        revision, now = self._revision(), self._loop.time()
        return [self._daemon_pod(view, revision, now) for view in self.pods.values()]

    def _daemon_pod(self, view: PodView, revision: str, now: float) -> DaemonPod:
        status = view.status
        least = self.workload.min_ready_seconds
        return DaemonPod(
            view.pod.name,
            updated=view.pod.template.labels.get(REVISION) == revision,
            ready=status.ready,
            available=is_available(
                ready=status.ready, ready_since=status.ready_since, now=now, min_ready_seconds=least
            ),
            deleting=status.deleting,
            ended=status.phase in {"Succeeded", "Failed"},
        )

    def _dues(self) -> Iterator[float]:
        """Yield when each pod that is ready has been so for long enough."""
        least, now = self.workload.min_ready_seconds, self._loop.time()
        ends = (view.status.ready_since + least for view in self.pods.values() if least and view.status.ready)
        return (end + JUST_AFTER for end in ends if end >= now)

    def status(self) -> dict[str, Any]:
        """Return its status in the API's fields; of several pods on the node the oldest counts."""
        pods = counted(self._seen())
        oldest = pods[0] if pods else None
        ready, available = bool(oldest and oldest.ready), bool(oldest and oldest.available)
        counts = {
            "updatedNumberScheduled": int(bool(oldest and oldest.updated)),
            "numberAvailable": int(available),
            "numberUnavailable": int(not available),
        }
        return {
            "currentNumberScheduled": len(pods[:1]),
            "numberMisscheduled": 0,
            "desiredNumberScheduled": 1,
            "numberReady": int(ready),
            **{field: count for field, count in counts.items() if count},
        }

    def _event(self, reason: str, message: str) -> None:
        source, workload = "daemonset-controller", self.workload
        kinds.normal(self._emit, source, workload.object, reason, message, namespace=workload.namespace)
