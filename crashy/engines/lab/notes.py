"""What of the manifests the lab shows but does not do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from crashy.controllers.environment import variable_prefix
from crashy.objects.manifests import Manifests

_MOUNTED = {"emptyDir", "persistentVolumeClaim"}


def notes(manifests: Manifests) -> Iterator[str]:
    """Return a line for each kind of thing that a process of this machine doesn't have."""
    templates = [(workload.object, workload.template) for workload in manifests.workloads]
    volumes = {f"{owner} {v['name']}" for owner, t in templates for v in t.volumes if not v.keys() & _MOUNTED}
    if volumes:
        yield f"volumes other than emptyDir and claims are not mounted: {'; '.join(sorted(volumes))}"
    shared = [owner for owner, t in templates if t.share_process_namespace]
    if shared:
        yield f"shareProcessNamespace: all pods see all processes of this machine, in no namespace: {'; '.join(shared)}"
    outside = [service for service in manifests.services if service.type == "ExternalName" and service.ports]
    if outside:
        named = "; ".join(f"{one.object} by {variable_prefix(one)}_SERVICE_HOST and _PORT" for one in outside)
        yield f"ExternalName Services are proxies, as no cluster has them; apps find {named}, patients by the name too"
    if any(_secured(t.raw) for _, t in templates):
        yield "security contexts are not applied: all processes run as you, on this machine's files"


def _secured(raw: Mapping[str, Any]) -> bool:
    spec = raw.get("spec") or {}
    containers = (*(spec.get("containers") or ()), *(spec.get("initContainers") or ()))
    return bool(spec.get("securityContext") or any(c.get("securityContext") for c in containers))
