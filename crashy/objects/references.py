"""Checks of objects together, such as their references, and of what the lab can run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from crashy.objects.config import ConfigMap, Secret, missing
from crashy.objects.document import Document
from crashy.objects.fields import FieldError, invalid
from crashy.objects.kinds import KINDS
from crashy.objects.pod import Container, PodTemplate
from crashy.objects.service import Service, ServicePort
from crashy.objects.standin import model_rules
from crashy.objects.statefulset import StatefulSet
from crashy.objects.workload import Workload

MAX_PODS = 100  # of one lab: each is a process of some 40 MB

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Found(Generic[T_co]):
    """An object, and the document that it was read from."""

    document: Document
    object: T_co


def check(everything: Sequence[Found[object]]) -> list[str]:
    """Return a line for each error that prevents these objects from running together."""
    lines: list[str] = []
    pods = 0
    for one in everything:
        if isinstance(one.object, Workload):
            rules = [*_ceiling_rules(one.object, pods)]
            rules += model_rules(KINDS[one.object.kind].template or "", one.object.template)
            lines += [one.document.message(error) for error in rules]
            pods += one.object.replicas
    node_ports: dict[int, str] = {}
    for one in everything:
        if isinstance(one.object, Service):
            service = Found(one.document, one.object)
            lines += [one.document.message(error) for error in _node_port_rules(service, node_ports)]
    return lines


def warn(everything: Sequence[Found[object]]) -> Iterator[str]:
    """Return a line for everything that is valid but probably a mistake, or that the lab does not do."""
    workloads = [one.object for one in everything if isinstance(one.object, Workload)]
    values = [one.object for one in everything if isinstance(one.object, ConfigMap | Secret)]
    for one in everything:
        if isinstance(one.object, Workload):
            path = KINDS[one.object.kind].template or ""
            yield from map(one.document.message, missing(path, one.object.template, one.object.namespace, values))
        spec = one.document.object.get("spec") or {}
        if isinstance(one.object, Service):
            for index, port in enumerate(spec.get("ports") or ()):
                if (port.get("protocol") or "TCP") != "TCP":
                    path = f"spec.ports[{index}].protocol"
                    yield one.document.message(FieldError(path, f"{port['protocol']} is not forwarded in the lab"))
            yield from map(one.document.message, _leading_nowhere(one.object))
            if spec.get("sessionAffinity") == "ClientIP":
                text = "the lab chooses an endpoint for each connection"
                yield one.document.message(FieldError("spec.sessionAffinity", text))
            selected = _selected(one.object, workloads)
            if one.object.selector and not selected:
                text = f"selects no pod of these files in namespace {one.object.namespace}"
                yield one.document.message(FieldError("spec.selector", text))
            for path, service_port in _ports(one.document, one.object):
                if text := _target_warning(service_port, selected):
                    named = f"{path}.targetPort" in one.document.lines
                    yield one.document.message(FieldError(f"{path}.{'targetPort' if named else 'port'}", text))
        elif isinstance(one.object, Workload):
            yield from map(one.document.message, _not_done(one.object, spec))


def _leading_nowhere(service: Service) -> Iterator[FieldError]:
    if service.type != "ExternalName" and not service.selector:
        yield FieldError("spec.selector", "is empty: this Service has no endpoints")
    elif service.type == "ExternalName" and not service.ports:
        yield FieldError("spec.ports", "is empty: the lab has no proxy for this ExternalName Service")


def _not_done(workload: Workload, spec: Mapping[str, Any]) -> Iterator[FieldError]:
    retention = "persistentVolumeClaimRetentionPolicy"
    if isinstance(workload, StatefulSet) and (spec.get(retention) or {}).get("whenScaled") == "Delete":
        yield FieldError(f"spec.{retention}.whenScaled", "the lab keeps claims until its end")


def _ceiling_rules(workload: Workload, before: int) -> Iterator[FieldError]:
    if before <= MAX_PODS < before + workload.replicas:
        others = f", and the objects before this one have {before}" if before else ""
        path = "spec.replicas" if KINDS[workload.kind].scalable else "spec"
        detail = f"{workload.replicas}: a lab runs at most {MAX_PODS} pods{others}"
        yield FieldError(path, "Invalid value", detail)


def _selected(service: Service, workloads: Sequence[Workload]) -> list[PodTemplate]:
    same = (workload for workload in workloads if workload.namespace == service.namespace)
    return [workload.template for workload in same if service.selects(workload.template.labels)]


def _node_port_rules(service: Found[Service], taken: dict[int, str]) -> Iterator[FieldError]:
    for path, port in _ports(service.document, service.object):
        if port.node_port in taken:
            text = f"provided port is already allocated to {taken[port.node_port]}"
            yield invalid(f"{path}.nodePort", port.node_port, text)
        elif port.node_port:
            taken[port.node_port] = f"Service/{service.object.name} ({service.document.source})"


def _ports(document: Document, service: Service) -> Iterator[tuple[str, ServicePort]]:
    """Return the Service's ports with their paths; those that aren't TCP were left out of it."""
    ports = document.object["spec"].get("ports") or ()
    tcp = (index for index, port in enumerate(ports) if (port.get("protocol") or "TCP") == "TCP")
    return ((f"spec.ports[{index}]", port) for index, port in zip(tcp, service.ports, strict=True))


def _target_warning(port: ServicePort, selected: Sequence[PodTemplate]) -> str:
    """Return a warning about a targetPort; a number that no container declares is valid, and often a mistake."""
    if not selected:
        return ""
    containers: list[Container] = [container for template in selected for container in template.containers]
    declared = [one for container in containers for one in container.ports]
    if isinstance(port.target_port, str):
        if any(one.name == port.target_port for one in declared):
            return ""
        return f'no container declares a port named "{port.target_port}": this port has no endpoints'
    if not declared or any(one.container_port == port.target_port for one in declared):
        return ""
    numbers = ", ".join(dict.fromkeys(str(one.container_port) for one in declared))
    return f"{port.target_port} is not a containerPort of the selected pods (they declare {numbers})"
