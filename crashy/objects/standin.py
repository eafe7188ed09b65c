"""The stand-in for a container whose image is not ours: a healthy app, derived from the container's manifest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count, islice
from typing import NamedTuple

from crashy.fields.units import Distribution, Fixed, Uniform, parse_distribution
from crashy.objects import images
from crashy.objects.fields import FieldError, child, invalid
from crashy.objects.pod import GRPC, Container, HTTPGet, PodTemplate, ProbeType, TCPSocket
from crashy.objects.ports import PortError, find_port

ANNOTATION = "crashy/model"
JOB_LABEL = "batch.kubernetes.io/job-name"
"""What a Job's controller labels its pods with; those run to an end."""

_HTTPS = frozenset({443, 8443})
_ADMIN_PORTS = 18_081

_ALLOWED = "must be words such as start=2s..10s drain=3s run=20s, each a duration, a range or percentiles"


class Model(NamedTuple):
    """How long a stand-in takes: from its start until it listens, from SIGTERM to its end, and in a Job to its end.

    `run` None means that it runs until it is ended, but in a Job.
    """

    start: Distribution = Uniform(0.25, 0.35)
    drain: Distribution = Fixed(0.5)
    run: Distribution | None = None

    @property
    def job_run(self) -> Distribution:
        """Return how long it runs in a Job."""
        return self.run or JOB_RUN

    def __str__(self) -> str:
        run = f" run={self.run}" if self.run else ""
        return f"start={self.start} drain={self.drain}{run}"


JOB_RUN = Fixed(5.0)
DEFAULT = Model()
Models = Mapping[str, Model]
"""By image: as a container names it, or its name without registry of Docker's, tag and digest."""


def parse_model(text: str) -> Model:
    """Read `start=2s..10s drain=3s run=1m`; raises ValueError, which says what is allowed."""
    given: dict[str, Distribution] = {}
    for word in text.split():
        name, equals, value = word.partition("=")
        if name not in Model._fields or not equals or name in given:
            raise ValueError(_ALLOWED)
        try:
            given[name] = parse_distribution(value)
        except ValueError as error:
            raise ValueError(f"{name} must be {error}") from None
    if not given:
        raise ValueError(_ALLOWED)
    return DEFAULT._replace(**given)


def model_of(template: PodTemplate, container: Container, models: Models) -> Model:
    """Return the model of a container: its pod's annotation, else its image's among `models`, else the default."""
    if ANNOTATION in template.annotations:
        return parse_model(template.annotations[ANNOTATION])
    return models.get(container.image) or models.get(images.name(container.image)) or DEFAULT


def model_rules(path: str, template: PodTemplate) -> Iterator[FieldError]:
    """Check the annotation of the pod template at `path`."""
    text = template.annotations.get(ANNOTATION)
    if text is not None:
        try:
            parse_model(text)
        except ValueError as error:
            yield invalid(child(path, f"metadata.annotations[{ANNOTATION}]"), text, str(error))


def ends(template: PodTemplate) -> bool:
    """Return whether the app of a pod ends by itself: a Job runs the pod."""
    return JOB_LABEL in template.labels and template.restart_policy != "Always"


def ports(template: PodTemplate, container: Container) -> tuple[int, ...]:
    """Return the ports that a container listens on: those it declares, and those it is asked on.

    A port that another container of its pod declares is that one's.
    """
    declared = [port.container_port for port in container.ports if port.protocol == "TCP"]
    others = {port.container_port for one in template.containers if one is not container for port in one.ports}
    asked = [port for port in _asked(container) if port not in others]
    return tuple(dict.fromkeys((*declared, *asked)))


def tls_ports(container: Container) -> frozenset[int]:
    """Return the ports on which a container is asked by https, or that are https by their name or number."""
    asked = {port: isinstance(one, HTTPGet) and one.scheme.upper() == "HTTPS" for one, port in _handlers(container)}
    named = {port.container_port for port in container.ports if port.name == "https" or port.container_port in _HTTPS}
    return frozenset({port for port, secure in asked.items() if secure} | (named - asked.keys()))


def grpc_services(container: Container) -> dict[str, ProbeType]:
    """Return the gRPC services that a container's probes ask for, each with its probe; one of several is readiness."""
    found: dict[str, ProbeType] = {}
    for kind in (ProbeType.STARTUP, ProbeType.LIVENESS, ProbeType.READINESS):
        probe = container.probe(kind)
        if probe and isinstance(probe.handler, GRPC):
            found[probe.handler.service] = kind
    return found


def admin_port(template: PodTemplate, container: Container) -> int:
    """Return the port of a stand-in's admin API: one that no container of its pod uses."""
    containers = (*template.init_containers, *template.containers)
    used = {port for one in containers for port in ports(template, one)}
    free = (port for port in count(_ADMIN_PORTS) if port not in used)
    return next(islice(free, containers.index(container), None))


def _asked(container: Container) -> Iterator[int]:
    return (port for _, port in _handlers(container))


def _handlers(container: Container) -> Iterator[tuple[HTTPGet | TCPSocket | GRPC, int]]:
    for handler in container.handlers():
        if isinstance(handler, HTTPGet | TCPSocket | GRPC):
            try:
                yield handler, find_port(container, handler.port)
            except PortError:
                continue  # the probe errs, whoever listens
