"""Manifests of anybody's app with the sidecar in them: users' connections go through it, probes to the app itself."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from crashy.engines.images import is_proxy
from crashy.engines.kube.sidecar import ADMIN_PORT, sidecar
from crashy.objects.document import Document, refusal
from crashy.objects.kinds import KINDS
from crashy.objects.manifests import read_object
from crashy.objects.pod import PodTemplate, ProbeType
from crashy.objects.ports import PortError, find_port
from crashy.objects.service import Service, ServicePort
from crashy.objects.workload import Workload

_MOVED = 20000
"""The proxy listens at an app's port plus this, where that is free."""
_LAST = 32767  # above are the ports that the kernel gives to whoever connects
Object = dict[str, Any]


class Wrapped(NamedTuple):
    """The objects, in the order of their documents, and a line for each workload: what became of it."""

    objects: list[Object]
    notes: list[str]


@dataclass(eq=False, slots=True)
class _App:
    """A workload, and the Services' ports that lead to it."""

    document: Document
    workload: Workload
    links: list[_Link] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    """Why its other Services are left as they are."""
    wrong: list[str] = field(default_factory=list)

    @property
    def template(self) -> PodTemplate:
        return self.workload.template

    def mistakes(self) -> Iterator[str]:
        """Yield why its pods can't have the proxy beside them."""
        template = self.template
        if any(map(is_proxy, template.containers)):
            yield "is wrapped already"
        elif template.host_network:
            yield "has hostNetwork: the proxy's ports would be the node's, which other pods share"
        elif KINDS[self.workload.kind].ends and template.restart_policy != "Always":
            yield f"has restartPolicy {template.restart_policy}: it ends, and the proxy beside it would not"
        yield from self.wrong

    @property
    def place(self) -> str:
        return f"{self.document.source}: {self.workload.object}"


class _Link(NamedTuple):
    """A Service's port, and the container port to which it leads in the pods of one workload."""

    service: Document
    port: ServicePort
    number: int


def wrap(documents: Sequence[Document], image: str, token: tuple[str, str] | None = None) -> Wrapped:
    """Add the sidecar to each workload that has a Service, and move the Services' targetPorts to it.

    `token` is the Secret and its key that hold the token of the sidecar's admin API. Raises BadInput with a line for
    each workload that can't be wrapped, or for all where none has a Service.
    """
    apps = _apps(documents)
    served = [app for app in apps if app.links or app.wrong]
    if mistakes := [f"{app.place}: {why}" for app in served for why in app.mistakes()]:
        raise refusal(mistakes)
    if not served:
        raise refusal([f"{app.place}: {_why_none(app)}" for app in apps] or ["no workload among these manifests"])
    numbers = _Numbers(port for app in apps for port in _ports(app))
    admin = numbers.free(ADMIN_PORT)
    objects = {id(document): copy.deepcopy(document.object) for document in documents}
    listens = {key: numbers.of(found) for key, found in _found(served).items()}
    notes = []
    for app in apps:
        ports = {listens[_key(link)]: link.number for link in app.links}
        if ports:
            object_ = objects[id(app.document)]
            KINDS[app.workload.kind].template_in(object_)["spec"]["containers"].append(
                sidecar(image, ports, admin, token, app.template.termination_grace_period_seconds)
            )
        for link in app.links:
            _raw_port(objects[id(link.service)], link.port)["targetPort"] = listens[_key(link)]
        what = ", ".join(f"{at} leads to {port}" for at, port in ports.items()) or f"left as it is: {_why_none(app)}"
        notes.append(f"{app.workload.object}: {'; '.join((what, *(app.beside if ports else ())))}")
    return Wrapped(list(objects.values()), notes)


def _apps(documents: Sequence[Document]) -> list[_App]:
    """Return the workloads with their links; raises BadInput for objects that the API server would refuse."""
    apps: list[_App] = []
    services: list[tuple[Document, Service]] = []
    wrong: list[str] = []
    for document in documents:
        one, errors = read_object(document)
        wrong += [document.message(error) for error in errors]
        if isinstance(one, Workload):
            apps.append(_App(document, one))
        elif isinstance(one, Service):
            services.append((document, one))
    if wrong:
        raise refusal(wrong)
    for app in apps:
        for document, service in services:
            if service.namespace == app.workload.namespace and service.selects(app.template.labels):
                _connect(app, document, service)
    return apps


def _connect(app: _App, document: Document, service: Service) -> None:
    if service.headless:
        app.beside.append(f"service/{service.name} is headless, so its users connect to the pods' own ports")
        return
    for port in service.ports:
        number = _number(app.template, port.target_port)
        if number is None:
            app.wrong.append(f"no port is called {port.target_port}, as service/{service.name} port {port.port} has it")
        else:
            app.links.append(_Link(document, port, number))
    if not service.ports:
        app.beside.append(f"service/{service.name} has no TCP port")


def _number(template: PodTemplate, port: int | str) -> int | None:
    if isinstance(port, int):
        return port
    declared = (one for container in template.containers for one in container.ports)
    return next((one.container_port for one in declared if one.name == port and one.protocol == "TCP"), None)


def _why_none(app: _App) -> str:
    return "; ".join(app.beside) or "no Service of these manifests selects its pods"


def _key(link: _Link) -> tuple[int, int]:
    return id(link.service), link.port.port


def _found(apps: Sequence[_App]) -> dict[tuple[int, int], int | str]:
    """Return the container port of each Service's port; its name where the pods of several workloads differ in it."""
    found: dict[tuple[int, int], int | str] = {}
    for link in (link for app in apps for link in app.links):
        same = found.setdefault(_key(link), link.number) == link.number
        if not same:
            found[_key(link)] = link.port.target_port
    return found


def _ports(app: _App) -> Iterator[int]:
    """Yield the ports that its pods have, as far as the manifests say."""
    yield from (link.number for link in app.links)
    for container in (*app.template.init_containers, *app.template.containers):
        yield from (port.container_port for port in container.ports)
        for kind in ProbeType:
            if (probe := container.probe(kind)) and (port := getattr(probe.handler, "port", None)):
                try:
                    yield find_port(container, port)
                except PortError:
                    continue


class _Numbers:
    """Gives the proxy's ports, which no pod has: the same one for the same container port or name."""

    def __init__(self, taken: Iterator[int]) -> None:
        self._taken = set(taken)
        self._given: dict[int | str, int] = {}

    def of(self, port: int | str) -> int:
        if port not in self._given:
            self._given[port] = self.free(_MOVED + port if isinstance(port, int) else _MOVED + 1)
        return self._given[port]

    def free(self, wanted: int) -> int:
        number = wanted if wanted <= _LAST else _MOVED + 1
        while number in self._taken:
            number += 1
        self._taken.add(number)
        return number


def _raw_port(service: Mapping[str, Any], port: ServicePort) -> Object:
    ports: list[Object] = service["spec"]["ports"]
    return next(one for one in ports if one["port"] == port.port and (one.get("protocol") or "TCP") == "TCP")
