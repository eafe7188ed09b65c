"""A StatefulSet's next step: the pods to create and to delete, their revisions, and its status. Pure.

Sources: kubernetes: pkg/controller/statefulset/stateful_set_control.go updateStatefulSet, processReplica,
processCondemned, completeRollingUpdate; stateful_set_utils.go newVersionedStatefulSetPod.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crashy.objects.statefulset import StatefulSet


@dataclass(frozen=True, slots=True)
class StatefulPod:
    """An existing pod of a StatefulSet; `ended`: its phase is Succeeded or Failed."""

    revision: str
    ready: bool = True
    available: bool = True
    deleting: bool = False
    ended: bool = False

    @property
    def undisturbed(self) -> bool:
        """Return whether it is available and neither ended nor being deleted: no step waits for it."""
        return self.ready and self.available and not self.deleting and not self.ended


@dataclass(frozen=True, slots=True)
class Revisions:
    """The names of the two revisions: that of the last rollout that was completed, and that of the template now."""

    current: str
    update: str


@dataclass(frozen=True, slots=True)
class Step:
    """The ordinals of the pods to create, each with its revision, and of those to delete."""

    create: tuple[tuple[int, str], ...] = ()
    delete: tuple[int, ...] = ()


def next_step(workload: StatefulSet, pods: Mapping[int, StatefulPod], revisions: Revisions) -> Step:
    """Return the next step; `pods` are the existing ones, by their ordinals.

    With OrderedReady a step creates or deletes one pod, and waits for every one below it to be available: also where
    that one is broken and the template has been put back (kubernetes#67250).
    """
    wanted = range(workload.start, workload.start + workload.replicas)
    made: list[tuple[int, str]] = []
    deleted: list[int] = []
    for ordinal in wanted:
        pod = pods.get(ordinal)
        if pod is None:
            made.append((ordinal, revision_of(workload, ordinal, revisions)))
        elif pod.ended and not pod.deleting:
            deleted.append(ordinal)  # its successor comes once it is gone
        if workload.ordered and not (pod and pod.undisturbed):
            return Step(tuple(made), tuple(deleted))
    condemned = sorted((ordinal for ordinal in pods if ordinal not in wanted), reverse=True)
    lowest = min((ordinal for ordinal in condemned if not pods[ordinal].undisturbed), default=None)
    for ordinal in condemned[:1] if workload.ordered else condemned:
        pod = pods[ordinal]
        if not pod.deleting and (pod.undisturbed or ordinal == lowest or not workload.ordered):
            deleted.append(ordinal)
    if not workload.on_delete and not (workload.ordered and condemned):
        deleted += [ordinal for ordinal in _outdated(workload, pods, revisions.update) if ordinal not in deleted]
    return Step(tuple(made), tuple(deleted))


def _outdated(workload: StatefulSet, pods: Mapping[int, StatefulPod], newest: str) -> tuple[int, ...]:
    """Return the pod of the highest ordinal that is of another revision, if those above it are available."""
    for ordinal in reversed(range(workload.start + workload.partition, workload.start + workload.replicas)):
        pod = pods.get(ordinal)
        if pod and pod.revision != newest and not pod.deleting:
            return (ordinal,)
        if not (pod and pod.undisturbed):
            break
    return ()


def revision_of(workload: StatefulSet, ordinal: int, revisions: Revisions) -> str:
    """Return the revision of a pod that is created now: below the partition that of the last completed rollout."""
    below = not workload.on_delete and ordinal < workload.start + workload.partition
    return revisions.current if below else revisions.update


def completed_rollout(workload: StatefulSet, pods: Mapping[int, StatefulPod], revisions: Revisions) -> bool:
    """Return whether all pods are of the newest revision, and ready: it becomes the current one. Not with OnDelete."""
    updated = sum(pod.revision == revisions.update and not pod.deleting for pod in pods.values())
    ready = sum(pod.ready for pod in pods.values())
    return not workload.on_delete and updated == len(pods) == ready == workload.replicas


def status_of(pods: Mapping[int, StatefulPod], revisions: Revisions) -> dict[str, int | str]:
    """Return the status in the API's fields; counts of 0 are left out where the API server does."""
    there = [pod for pod in pods.values() if not pod.deleting]
    counts = {
        "readyReplicas": sum(pod.ready for pod in pods.values()),
        "currentReplicas": sum(pod.revision == revisions.current for pod in there),
        "updatedReplicas": sum(pod.revision == revisions.update for pod in there),
    }
    return {
        "replicas": len(pods),
        **{field: count for field, count in counts.items() if count},
        "currentRevision": revisions.current,
        "updateRevision": revisions.update,
        "availableReplicas": sum(pod.available for pod in pods.values()),
    }
