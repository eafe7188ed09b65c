"""Which container of a pod a fault is for, and why one can't take it."""

from __future__ import annotations

from crashy.engines.images import is_proxy, plays
from crashy.faults.base import Fault, FaultError
from crashy.faults.scope import PROBES
from crashy.objects.images import is_patient
from crashy.objects.pod import GRPC, Container, Exec, HTTPGet, PodTemplate, ProbeType


def default_container(template: PodTemplate) -> Container:
    """Return the container that takes a fault that names none: the patient, else the first."""
    found = (one for one in template.containers if (is_patient(one.image) and not is_proxy(one)) or plays(one))
    return next(found, template.containers[0])


def container_called(template: PodTemplate, name: str) -> Container | None:
    """Return a container of a pod, the default one for an empty name; None if there is none of that name."""
    if not name:
        return default_container(template)
    return next((one for one in template.containers if one.name == name), None)


def refusal(template: PodTemplate, fault: Fault, name: str, *, patient: bool) -> str:
    """Return why a container can't take a fault on this machine; empty if it can.

    `patient` says whether crashy runs in it, as the patient or as a stand-in, and not a program of its own.
    """
    container = container_called(template, name)
    if container is None:
        return f"no container {name!r}; there are: {', '.join(one.name for one in template.containers)}"
    way = fault.way(patient=patient)
    try:
        fault.taken(way)
    except FaultError as error:
        what = "is a patient" if patient else "runs a program of its own"
        return f"container {container.name} {what}: {error.message if error.field == 'fault' else error}"
    return _unasked(container, fault) if way == "outside" else ""


def _unasked(container: Container, fault: Fault) -> str:
    """Return why a probe can't be made to fail from outside: it isn't asked in a way that an answer could be given."""
    if fault.target not in PROBES:
        return ""
    probe = container.probe(ProbeType(fault.target))
    match probe.handler if probe else None:
        case GRPC() | HTTPGet(scheme="HTTP"):
            return ""
        case None:
            return f"container {container.name} has no {fault.target} probe that {fault.name} could make fail"
        case Exec():
            how, would_do = "exec", ""
        case handler:
            how = "https" if isinstance(handler, HTTPGet) else "tcp"
            would_do = "; freeze mode=deaf clients=kubelet would do"
    why = f"{fault.name} answers probes by http and grpc, and its {fault.target} probe asks by {how}{would_do}"
    return f"container {container.name} runs a program of its own: from outside {why}"
