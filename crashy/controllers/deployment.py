"""A Deployment's controller: its ReplicaSets, and rollouts from one template to the next.

kubernetes: pkg/controller/deployment/{sync,rolling,recreate}.go
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import replace

from crashy.controllers.apply import completed
from crashy.controllers.names import template_hash
from crashy.controllers.progress import SOURCE, Counts, Progress
from crashy.controllers.replicaset import ReplicaSetController
from crashy.controllers.rollout import Fenceposts, ReplicaSet, fenceposts, next_step, proportional
from crashy.controllers.steps import JUST_AFTER, Steps
from crashy.kubelet.runtime import Pod
from crashy.objects.deployment import Deployment
from crashy.objects.pod import PodTemplate
from crashy.timeline import kinds
from crashy.timeline.kinds import Emit

HISTORY = 10  # old ReplicaSets without pods that are remembered, as revisionHistoryLimit has it by default


class DeploymentController:
    """Keeps a Deployment's pods as specified, and rolls out the changes of `apply`.

    Call `sync` whenever one of its pods was created, deleted or changed. The ReplicaSets do the rest.
    """

    def __init__(
        self,
        workload: Deployment,
        *,
        create: Callable[[str, str, PodTemplate, ReplicaSetController], None],
        delete: Callable[[Pod], None],
        emit: Emit,
        rng: random.Random,
    ) -> None:
        self.workload = workload
        self.newest = _replica_set_name(workload)  # the ReplicaSet of the template that it has now
        self.sets: list[ReplicaSetController] = []  # the oldest first
        self._create = create
        self._delete = delete
        self._emit = emit
        self._rng = rng
        self._loop = asyncio.get_running_loop()
        self.created_at = self._loop.time()
        self._sized_for = workload.replicas
        self._most_before = 0
        self._progress = Progress(emit, self._loop.time)
        self._steps = Steps(self._step, self.sync)

    @property
    def reason(self) -> str:
        """Return the reason of its condition Progressing."""
        return self._progress.reason

    def apply(self, workload: Deployment) -> None:
        """Replace its specification."""
        self.workload = workload
        self.newest = _replica_set_name(workload)
        self.sync()

    def owns(self, owner: object) -> bool:
        """Return whether `owner` is one of its ReplicaSets."""
        return owner in self.sets

    def stop(self) -> None:
        """Cancel its timer."""
        self._steps.stop()

    def sync(self) -> None:
        """Take all the steps that are due, and wait for the next one."""
        if self._steps.run():
            self._forget()
            self._progress.note(self.workload, self.newest, self.counted())
            self._steps.wait(due + JUST_AFTER for due in self._dues())

    # --- steps

    def _step(self) -> None:
        for one in self.sets:
            one.sync()
        self._progress.pause(self.workload)
        if self._sized_for != self.workload.replicas or self.workload.paused:
            self._resize()
        elif self.workload.strategy.type == "Recreate":
            self._recreate()
        else:
            self._roll()

    def _resize(self) -> None:
        """Scale the ReplicaSets to a changed number of replicas, proportionally during a rollout.

        Those of a paused Deployment are only ever scaled; one without pods scales its latest.
        """
        wanted = self._sized_for = self.workload.replicas
        active = [one for one in self.sets if one.replicas]
        if self.workload.paused and not active:
            active = sorted(self.sets, key=lambda one: one.name == self.newest)[-1:]
        new = next((one for one in active if one.name == self.newest), None)
        if len(active) == 1:
            self._scale(active[0], wanted)
        elif new and new.replicas == wanted == self._available(new):
            for one in active:
                if one is not new:
                    self._scale(one, 0)
        elif active and self.workload.strategy.type != "Recreate":
            sizes = proportional(wanted, self._fence(), self._most_before, [one.replicas for one in active])
            sized = list(zip(active, sizes, strict=True))
            if sum(sizes) > sum(one.replicas for one in active):
                sized.reverse()  # of equally large ones the newer is scaled up first, the older scaled down
            for one, size in sorted(sized, key=lambda pair: -pair[0].replicas):
                self._scale(one, size)
        self._most_before = self._most()
        if not self.workload.paused:
            self._steps.run()

    def _recreate(self) -> None:
        """Delete all pods of other templates, then create the new ones."""
        old = [one for one in self.sets if one.name != self.newest]
        for one in old:
            self._scale(one, 0)
        if not any(one.pods.unfinished for one in old):
            self._scale(self._new(), self.workload.replicas)

    def _roll(self) -> None:
        new = self._new()
        old = [one for one in self.sets if one is not new]

        def seen(one: ReplicaSetController) -> ReplicaSet:
            return ReplicaSet(one.replicas, self._available(one))

        step = next_step(self.workload.replicas, self._fence(), seen(new), [seen(one) for one in old])
        self._scale(new, step.new)
        for one, size in zip(old, step.old, strict=True):
            self._scale(one, size)

    def _fence(self) -> Fenceposts:
        strategy = self.workload.strategy
        return fenceposts(self.workload.replicas, strategy.max_surge, strategy.max_unavailable)

    def _most(self) -> int:
        """Return the most pods that are allowed during a rollout."""
        return self.workload.replicas + self._fence().max_surge

    def _new(self) -> ReplicaSetController:
        """Return the ReplicaSet of the current template: an existing one, or a new one."""
        template = self.workload.template
        name = self.newest
        found = next((one for one in self.sets if one.name == name), None)
        if found:
            return found
        labels = {**template.labels, "pod-template-hash": name.rpartition("-")[2]}
        made = ReplicaSetController(
            name,
            self.workload.namespace,
            replace(template, labels=labels),
            create=self._create,
            changed=self.sync,
            delete=self._delete,
            emit=self._emit,
            rng=self._rng,
            created_at=self._loop.time(),
        )
        self.sets.append(made)
        self._progress.created(self.workload, name)
        return made

    def _scale(self, one: ReplicaSetController, replicas: int) -> None:
        if replicas == one.replicas:
            return
        how = "up" if replicas > one.replicas else "down"
        message = f"Scaled {how} replica set {one.name} from {one.replicas} to {replicas}"
        name, namespace = self.workload.object, self.workload.namespace
        kinds.normal(self._emit, SOURCE, name, "ScalingReplicaSet", message, namespace=namespace)
        one.replicas = replicas
        self._most_before = self._most()
        self._steps.run()

    def _forget(self) -> None:
        """Remove the oldest ReplicaSets that are only kept for rolling back."""
        idle = [one for one in self.sets if not one.replicas and one.name != self.newest and not one.pods]
        for one in idle[: max(0, len(idle) - HISTORY)]:
            self.sets.remove(one)

    def counted(self) -> Counts:
        """Return the current counts of its pods."""
        return Counts(
            desired=self.workload.replicas,
            replicas=sum(one.pods.active for one in self.sets),
            updated=sum(one.pods.active for one in self.sets if one.name == self.newest),
            ready=sum(one.pods.ready for one in self.sets),
            available=sum(self._available(one) for one in self.sets),
        )

    def status(self) -> dict[str, int]:
        """Return its status in the API's fields; a count of no pods is left out, as the API server does."""
        counts = self.counted()
        # What is unavailable is counted from what the ReplicaSets should have: util/deployment_util.go
        unavailable = sum(one.replicas for one in self.sets) - counts.available
        found = {
            "replicas": counts.replicas,
            "updatedReplicas": counts.updated,
            "readyReplicas": counts.ready,
            "availableReplicas": counts.available,
            "unavailableReplicas": max(0, unavailable),
        }
        terminating = sum(one.pods.terminating for one in self.sets)
        return {field: count for field, count in found.items() if count} | {"terminatingReplicas": terminating}

    def _available(self, one: ReplicaSetController) -> int:
        return one.pods.available(self._loop.time(), self.workload.min_ready_seconds)

    def _dues(self) -> Iterator[float]:
        """Yield when the next pods become available, and when the progress deadline expires."""
        now = self._loop.time()
        nexts = (one.pods.next_available(now, self.workload.min_ready_seconds) for one in self.sets)
        yield from (due for due in nexts if due is not None)
        deadline = self._progress.deadline(self.workload)
        if deadline is not None:
            yield deadline


def _replica_set_name(deployment: Deployment) -> str:
    return f"{deployment.name}-{template_hash(completed(deployment.template))}"
