"""What an experiment names must be in its manifests; which of the pods that a step means it spares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crashy.controllers.base import PodView
from crashy.engines.service_faults import unproxied
from crashy.experiment.fields import Fields
from crashy.faults.base import parse_spec
from crashy.faults.proxied import proxied
from crashy.objects.manifests import Manifests
from crashy.objects.service import Service, ServicePort
from crashy.targets import Target


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


def port_of(service: Service, wanted: int | str | None) -> ServicePort:
    """Return the port that a number or a name means, the first one for None; raises ValueError that lists them."""
    for port in service.ports:
        if wanted is None or str(wanted) in {str(port.port), port.name}:
            return port
    there = ", ".join(str(port.port) for port in service.ports)
    raise ValueError(f"Service {service.name} has no port {str(wanted)!r}; there are: {there}")


def target_in(manifests: Manifests, text: str) -> Target:
    """Read a target; raises ValueError if what the manifests have can't be what it means."""
    target = Target.parse(text)
    if target.service:
        found = [service for service in manifests.services if service.name == target.service]
        if not found:
            known = ", ".join(service.name for service in manifests.services) or "none"
            raise ValueError(f"no such Service in the manifests; there are: {known}")
        if why := unproxied(found[0]):
            raise ValueError(why)
        return target
    if target.is_name and (names := impossible(target.text, manifests)):
        raise ValueError(
            f"no pod's name begins with it; must be any, all, or the beginning of one of: {', '.join(names)}"
        )
    there = possible(target.labels, manifests)
    if target.count and there < target.count:
        raise ValueError(f"{f'only {there}' if there else 'no'} pod{'s have' if there > 1 else ' has'} these labels")
    return target


def on_target(target: Target, spec: str) -> str:
    """Return a fault spec; raises FaultError where what stands before a Service could never have it."""
    if target.service:
        proxied(parse_spec(spec))
    return spec


def impossible(name: str, manifests: Manifests) -> list[str]:
    """Return how the pods' names begin, if none of them can begin so; otherwise nothing."""
    names = [workload.pods_begin for workload in manifests.workloads]
    return [] if any(there.startswith(name) or name.startswith(there) for there in names) else names


def possible(labels: Mapping[str, str], manifests: Manifests) -> int:
    """Count the pods that have these labels when all are there."""
    return sum(one.replicas for one in manifests.workloads if labels.items() <= one.template.labels.items())


def check_workload(fields: Fields, kind: str, name: str, path: str, manifests: Manifests) -> None:
    """Note a mistake if the manifests have no workload of a kind and name."""
    names = [workload.name for workload in manifests.workloads if workload.kind == kind]
    if name not in names and manifests.workloads:
        fields.wrong(path, f"{name!r}: no such {kind} in the manifests; there are: {', '.join(names) or 'none'}")
