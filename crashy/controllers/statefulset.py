"""A StatefulSet's controller: a pod for each ordinal, and the way from one revision of the template to the next.

kubernetes: pkg/controller/statefulset/{stateful_set_control,stateful_pod_control}.go; the steps are in `ordinals.py`.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from crashy.controllers.apply import completed
from crashy.controllers.base import PodView, Views
from crashy.controllers.names import template_hash
from crashy.controllers.ordinals import Revisions, StatefulPod, completed_rollout, next_step, status_of
from crashy.controllers.steps import JUST_AFTER, Steps
from crashy.kubelet.runtime import Pod
from crashy.objects.pod import PodTemplate, parse_pod_template
from crashy.objects.statefulset import StatefulSet, with_claims
from crashy.timeline import kinds
from crashy.timeline.kinds import Emit

REVISION = "controller-revision-hash"
NAME = "statefulset.kubernetes.io/pod-name"
INDEX = "apps.kubernetes.io/pod-index"


class StatefulSetController:
    """Keeps a StatefulSet's pods, and is the owner of them."""

    def __init__(
        self,
        workload: StatefulSet,
        *,
        create: Callable[[str, str, PodTemplate, StatefulSetController], None],
        delete: Callable[[Pod], None],
        emit: Emit,
        rng: random.Random,
    ) -> None:
        del rng  # nothing is drawn here
        self.workload = workload
        self.pods = Views()
        self._create = create
        self._delete = delete
        self._emit = emit
        self._loop = asyncio.get_running_loop()
        self.created_at = self._loop.time()
        newest = _revision(workload)
        self._templates = {newest: workload.template}
        self.revisions = Revisions(newest, newest)
        self._steps = Steps(self._step, self.sync)

    def apply(self, workload: StatefulSet) -> None:
        """Replace its specification; a template that it had before gets its old revision again."""
        self.workload = workload
        newest = _revision(workload)
        self._templates[newest] = workload.template
        self.revisions = replace(self.revisions, update=newest)
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
        step = next_step(self.workload, self._seen(), self.revisions)
        pods = {_ordinal(view.pod): view.pod for view in self.pods.values()}
        for ordinal, revision in step.create:
            name = f"{self.workload.name}-{ordinal}"
            self._event("Create", name)
            self._create(name, self.workload.namespace, self._template(ordinal, revision), self)
        for ordinal in step.delete:
            self._delete(pods[ordinal])
            self._event("Delete", pods[ordinal].name)
        if completed_rollout(self.workload, self._seen(), self.revisions):
            newest = self.revisions.update
            self.revisions = Revisions(newest, newest)
            self._templates = {newest: self._templates[newest]}

    def _template(self, ordinal: int, revision: str) -> PodTemplate:
        """Return the template of one pod: its labels, its name in its Service's, and its own claims."""
        template, name = self._templates[revision], f"{self.workload.name}-{ordinal}"
        if self.workload.claims:
            claims = {claim: f"{claim}-{name}" for claim in self.workload.claims}
            template = parse_pod_template(with_claims(template.raw, claims), "spec.template")
        labels = {**template.labels, NAME: name, INDEX: str(ordinal), REVISION: revision}
        spec = {**template.raw["spec"], "hostname": name, "subdomain": self.workload.service_name}
        return replace(template, labels=labels, raw={**template.raw, "spec": spec})

    def _seen(self) -> dict[int, StatefulPod]:
        return {_ordinal(view.pod): self._stateful_pod(view) for view in self.pods.values()}

    def _stateful_pod(self, view: PodView) -> StatefulPod:
        status = view.status
        ready = status.ready and status.phase == "Running"
        return StatefulPod(
            view.pod.template.labels[REVISION],
            ready=ready,
            available=ready and self._available_at(view) <= self._loop.time(),
            deleting=status.deleting,
            ended=status.phase in {"Succeeded", "Failed"},
        )

    def _available_at(self, view: PodView) -> float:
        """Return when a ready pod becomes available: minReadySeconds after the start of the second of its Ready."""
        least = self.workload.min_ready_seconds
        return math.floor(view.status.ready_since) + least + JUST_AFTER if least else view.status.ready_since

    def _dues(self) -> Iterator[float]:
        """Yield when each pod that is ready becomes available."""
        dues = (self._available_at(view) for view in self.pods.values() if view.status.ready)
        return (due for due in dues if due > self._loop.time())

    def status(self) -> dict[str, Any]:
        """Return its status in the API's fields."""
        return status_of(self._seen(), self.revisions)

    def _event(self, verb: str, pod: str) -> None:
        message = f"{verb} Pod {pod} in StatefulSet {self.workload.name} successful"
        source, obj = "statefulset-controller", self.workload.object
        kinds.normal(self._emit, source, obj, f"Successful{verb}", message, namespace=self.workload.namespace)


def _ordinal(pod: Pod) -> int:
    return int(pod.template.labels[INDEX])


def _revision(workload: StatefulSet) -> str:
    return f"{workload.name}-{template_hash(completed(workload.template))}"
