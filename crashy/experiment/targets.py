"""What an experiment names must be in its manifests; which pods a step means at the moment it is performed."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from crashy.controllers.base import PodView
from crashy.experiment.fields import Fields
from crashy.experiment.model import Target
from crashy.objects.manifests import Manifests
from crashy.objects.service import Service


def choose(target: Target, views: Sequence[PodView], rng: random.Random) -> list[PodView]:
    """Return the pods that a target means: those that are ready are preferred where chance decides."""
    if target.text == "all":
        return list(views)
    if target.text == "any":
        return _some(views, 1, rng)
    if target.count is not None:
        labelled = [v for v in views if all(v.pod.template.labels.get(k) == w for k, w in target.labels.items())]
        return _some(labelled, target.count, rng)
    return [view for view in views if view.pod.name.startswith(target.text)][:1]


def _some(views: Sequence[PodView], count: int, rng: random.Random) -> list[PodView]:
    ready = [view for view in views if view.status.ready]
    others = [view for view in views if not view.status.ready]
    chosen = rng.sample(ready, min(count, len(ready)))
    return chosen + rng.sample(others, min(count - len(chosen), len(others)))


def spared(chosen: Sequence[PodView], views: Sequence[PodView], keep_ready: int) -> list[PodView]:
    """Return as many of the chosen as leave `keep_ready` ready pods alone; those that aren't ready cost nothing."""
    budget = sum(view.status.ready for view in views) - keep_ready
    kept = []
    for view in chosen:
        if view.status.ready:
            budget -= 1
        if not view.status.ready or budget >= 0:
            kept.append(view)
    return kept


def check_service(fields: Fields, name: str, path: str, manifests: Manifests) -> Service | None:
    """Return the Service of a name; a mistake if the manifests have none."""
    found = next((service for service in manifests.services if service.name == name), None)
    if name and not found and manifests.services:
        there = ", ".join(service.name for service in manifests.services) or "none"
        fields.wrong(path, f"{name!r}: no such Service in the manifests; there are: {there}")
    return found


def check_pod(fields: Fields, name: str, path: str, manifests: Manifests) -> None:
    """Note a mistake if no pod of the manifests can have a name that begins so."""
    names = pod_names(manifests)
    if names and not any(there.startswith(name) or name.startswith(there) for there in names):
        fields.wrong(path, f"{name!r}: no pod's name begins so; there are: {', '.join(names)}")


def pod_names(manifests: Manifests) -> list[str]:
    """Return how the names of the pods begin."""
    return [workload.pods_begin for workload in manifests.workloads]


def check_workload(fields: Fields, kind: str, name: str, path: str, manifests: Manifests) -> None:
    """Note a mistake if the manifests have no workload of a kind and name."""
    names = [workload.name for workload in manifests.workloads if workload.kind == kind]
    if name not in names and manifests.workloads:
        fields.wrong(path, f"{name!r}: no such {kind} in the manifests; there are: {', '.join(names) or 'none'}")


def possible(target: Target, manifests: Manifests) -> int:
    """Count the pods that a target can mean when all are there."""
    named = target.text not in ("any", "all") and target.count is None

    def counts(name: str, labels: Mapping[str, str]) -> bool:
        if named:
            return name.startswith(target.text) or target.text.startswith(name)
        return all(labels.get(key) == value for key, value in target.labels.items())

    return sum(one.replicas for one in manifests.workloads if counts(one.pods_begin, one.template.labels))
