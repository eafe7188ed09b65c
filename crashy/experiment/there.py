"""What an experiment names must be in its manifests."""

from __future__ import annotations

from collections.abc import Mapping

from crashy.experiment.fields import Fields
from crashy.experiment.model import Target
from crashy.manifest.model import Deployment, Manifests, Service


def check_service(fields: Fields, name: str, path: str, manifests: Manifests) -> Service | None:
    """Give the Service of a name; a mistake if the manifests have none."""
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
    """Give the names of the bare pods, and how those of Deployments begin."""
    return [f"{deployment.name}-" for deployment in manifests.deployments] + [pod.name for pod in manifests.pods]


def check_deployment(fields: Fields, name: str, path: str, manifests: Manifests) -> Deployment | None:
    """Give the Deployment of a name; a mistake if the manifests have none."""
    found = next((deployment for deployment in manifests.deployments if deployment.name == name), None)
    if not found and (manifests.deployments or manifests.pods):
        there = ", ".join(deployment.name for deployment in manifests.deployments) or "none"
        fields.wrong(path, f"{name!r}: no such Deployment in the manifests; there are: {there}")
    return found


def possible(target: Target, manifests: Manifests) -> int:
    """Count the pods that a target can mean when all are there."""
    named = target.text not in ("any", "all") and target.count is None

    def counts(name: str, labels: Mapping[str, str]) -> bool:
        if named:
            return name.startswith(target.text) or target.text.startswith(name)
        return all(labels.get(key) == value for key, value in target.labels.items())

    deployed = sum(d.replicas for d in manifests.deployments if counts(f"{d.name}-", d.template.labels))
    return deployed + sum(counts(pod.name, pod.template.labels) for pod in manifests.pods)
