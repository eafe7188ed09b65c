"""What an app of anybody's takes on a cluster, and by what means; what it can't take is told with its reason."""

from __future__ import annotations

from typing import Literal

from crashy.engines.images import is_proxy
from crashy.faults.base import Fault
from crashy.faults.effects import ListenersClosed, Signal, Stop
from crashy.faults.scope import PROBES
from crashy.objects.images import is_patient
from crashy.objects.pod import Container, PodTemplate

Means = Literal["patient", "sidecar", "end"]
"""The patient's own admin API, the sidecar's, or an end of the container."""


class NoMeansError(Exception):
    """A container can't take a fault; the message is the reason, and what would do."""


def chosen(template: PodTemplate, name: str = "") -> Container | None:
    """Return the container that is meant: by its name, else the patient, else the first; None if there is no such."""
    containers = template.containers
    if name:
        return next((one for one in containers if one.name == name), None)
    patients = (one for one in containers if is_patient(one.image) and not is_proxy(one))
    return next(patients, None) or next((one for one in containers if not is_proxy(one)), None)


def shares_processes(template: PodTemplate) -> bool:
    """Return whether process 1 of a container is none of its own: the pause container's, or the node's."""
    return template.share_process_namespace or bool((template.raw.get("spec") or {}).get("hostPID"))


def means(template: PodTemplate, fault: Fault, container: Container) -> Means:
    """Return by what means a container takes a fault; raises NoMeansError, or FaultError if it lacks the way."""
    way = fault.way(patient=is_patient(container.image) and not is_proxy(container))
    fault = fault.taken(way)
    if way == "inside":
        return "patient"
    effect = fault.process_effect()
    if isinstance(effect, Signal):
        if fault.waits_for_request():
            raise NoMeansError("can't wait for a request here: only after= and jitter= say when")
        return "end"
    if effect is not None and not isinstance(effect, ListenersClosed):
        would_do = "; freeze mode=hang or mode=deaf would do, by the sidecar" if isinstance(effect, Stop) else ""
        raise NoMeansError(f"must be done to its processes from beside them, and nothing in its pod may{would_do}")
    scope = fault.scope
    of_probes = fault.target in PROBES or (fault.target == "everything" and scope.clients is None)
    if scope.clients in ("kubelet", "all") or (of_probes and not scope.routes):
        would_do = "" if fault.target in PROBES else "; clients=users would do"
        raise NoMeansError(f"is about probes too, and the kubelet's go to the app itself, past any sidecar{would_do}")
    if not any(map(is_proxy, template.containers)):
        raise NoMeansError("needs the sidecar crashy-proxy in its pod: crashy kube wrap MANIFEST adds it")
    return "sidecar"
