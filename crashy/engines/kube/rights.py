"""What a run may do on the cluster: checked before anything is created, so that nothing is left half done."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from crashy.engines.kube.api import Api, Object
from crashy.errors import BadInput


@dataclass(frozen=True, slots=True)
class Right:
    """One verb on one resource (`pods/proxy`, `deployments.apps`): of the run's namespace, or of the cluster."""

    verb: str
    resource: str
    cluster: bool = False

    def review(self, namespace: str) -> Object:
        """Write the question whether we have it."""
        resource, _, subresource = self.resource.partition("/")
        resource, _, group = resource.partition(".")
        attributes = {"verb": self.verb, "group": group, "resource": resource, "subresource": subresource}
        if not self.cluster:
            attributes["namespace"] = namespace
        return {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }


def _rights(resource: str, *verbs: str, cluster: bool = False) -> list[Right]:
    return [Right(verb, resource, cluster) for verb in verbs]


GUEST = (
    *_rights("pods", "list", "watch"),
    *_rights("pods/log", "get"),
    *_rights("pods/proxy", "get", "create", "delete"),
    *_rights("events", "list", "watch"),
    *_rights("endpointslices.discovery.k8s.io", "list", "watch"),
    *_rights("services", "get"),
)
"""What a run in a user's own namespace needs; steps that delete, scale or exec need more, and say so."""
OWN = (
    *_rights("namespaces", "create", "get", "delete", cluster=True),
    *GUEST,
    *_rights("pods", "create", "delete"),
    *_rights("services", "create"),
    *_rights("deployments.apps", "create", "list", "watch"),
)
"""What a run in a namespace of its own needs; what else is applied only where the manifests have some."""
CRASH = tuple(_rights("pods/exec", "get", "create"))
"""What a crash of an app that is no patient needs besides; a guest evicts the pod where the app can't be ended."""
GUEST_CRASH = (*CRASH, *_rights("pods/eviction", "create"))
CLEAN = tuple(_rights("namespaces", "list", "get", "delete", cluster=True) + _rights("pods", "list", "delete"))
"""What `crashy kube clean` needs."""


async def check(api: Api, wanted: Iterable[Right], namespace: str) -> None:
    """Raise BadInput that names every verb and resource that is missing; raises ApiError."""
    rights = list(wanted)
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    answers = await asyncio.gather(*(api.request("POST", path, right.review(namespace)) for right in rights))
    missing: dict[str, list[str]] = {}
    for right, answer in zip(rights, answers, strict=True):
        if not answer["status"].get("allowed"):
            missing.setdefault(right.resource, []).append(right.verb)
    if missing:
        raise BadInput(
            *(f"kube: not allowed: {', '.join(verbs)} on {resource}" for resource, verbs in missing.items()),
            "kube: manifests/rbac.yaml has the rights that are needed (docs/kube.md)",
        )
