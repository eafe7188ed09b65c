"""The controllers of Services: the endpoints that get new connections."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from crashy.controllers.base import Network, PodView
from crashy.controllers.endpoints import Endpoint, pod_to_endpoint, usable
from crashy.kubelet.runtime import Pod
from crashy.kubelet.versions import NEWEST, Profile
from crashy.objects.pod import PodTemplate
from crashy.objects.ports import PortError, find_port
from crashy.objects.service import Service
from crashy.timeline import kinds
from crashy.timeline.kinds import Emit

_Places = Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class _Backend(Endpoint):
    """A pod's endpoint, the pod's name, and the port number that each of the Service's ports targets, if any."""

    pod: str
    ports: Mapping[int, int | None]


class ServiceController:
    """Publishes a Service's endpoints to the network whenever they change.

    `put` and `drop` report changes of the pods that the Service selects, in the order of their creation; `sync`
    publishes the result.
    """

    def __init__(self, service: Service, network: Network, emit: Emit, profile: Profile = NEWEST) -> None:
        self.service = service
        self.created_at = asyncio.get_running_loop().time()
        self.ready: dict[int, _Places] = {}  # by the Service's port: where its ready endpoints are
        self._network = network
        self._emit = emit
        self._profile = profile
        self._backends: dict[str, _Backend | None] = {}  # by uid, in the order of creation; None: no endpoint (yet)
        self._changed = True
        self._joined: dict[str, None] = {}  # the ready ones, since the last event
        self._left: dict[str, None] = {}

    def selects(self, pod: Pod) -> bool:
        """Return whether the Service selects a pod."""
        return pod.namespace == self.service.namespace and self.service.selects(pod.template.labels)

    def apply(self, service: Service, pods: Sequence[PodView]) -> None:
        """Replace the Service by another of its name, and select among all existing pods again."""
        self.service = service
        self._changed = True
        self.select(pods)
        self.sync()

    def select(self, pods: Sequence[PodView]) -> None:
        """Select among all existing pods again, because its selector or a pod's labels have changed."""
        selected = {view.pod.uid: view for view in pods if self.selects(view.pod)}
        for uid in [uid for uid in self._backends if uid not in selected]:
            self.drop(uid)
        for view in selected.values():
            self.put(view)
        self._backends = {uid: self._backends[uid] for uid in selected}

    def put(self, view: PodView) -> None:
        """Add a pod that was created, or update one that has changed."""
        self._replace(view.pod.uid, self._backend(view))

    def drop(self, uid: str) -> None:
        """Remove a pod."""
        self._replace(uid, None)
        self._backends.pop(uid, None)

    def _replace(self, uid: str, after: _Backend | None) -> None:
        before = self._backends.get(uid)
        self._backends[uid] = after
        if before == after:
            return
        self._changed = True
        was, now = bool(before and before.ready), bool(after and after.ready)
        if before and was and not now:
            _move(before.pod, self._joined, self._left)
        elif after and now and not was:
            _move(after.pod, self._left, self._joined)

    def _backend(self, view: PodView) -> _Backend | None:
        service, pod = self.service, view.pod
        publish = service.publish_not_ready_addresses
        one = pod_to_endpoint(view.status, publish_not_ready_addresses=publish, profile=self._profile)
        if one is None:
            return None
        ports = {port.port: _port(pod.template, port.target_port) for port in service.ports}
        return _Backend(one.address, one.ready, one.serving, one.terminating, pod.name, ports)

    def sync(self) -> None:
        """Publish the endpoints that get connections, if they have changed."""
        if not self._changed:
            return
        self._changed = False
        service = self.service
        backends = [one for one in self._backends.values() if one]
        ready, serving = [one for one in backends if one.ready], usable(backends, self._profile)
        self.ready = {port.port: _places(ready, port.port) for port in service.ports}
        self._network.publish(service, {port.port: _places(serving, port.port) for port in service.ports})
        name, namespace = f"service/{service.name}", service.namespace
        data = kinds.endpoints(
            namespace,
            ready=[one.pod for one in ready],
            not_ready=[one.pod for one in backends if not one.ready],
            serving=[one.pod for one in serving],
            joined=self._joined,
            left=self._left,
        )
        self._joined, self._left = {}, {}
        kinds.ENDPOINTS.add(self._emit, "endpointslice-controller", name, data=data)


class ServiceControllers:
    """All Services' controllers, indexed by the labels that they select.

    The cost of a change depends only on the Services that select the pod.
    """

    def __init__(self) -> None:
        self._all: dict[tuple[str, str], ServiceController] = {}  # by namespace and name, in the order of creation
        self._by_label: dict[tuple[str, str, str], list[tuple[int, ServiceController]]] = defaultdict(list)
        self._stale: dict[int, ServiceController] = {}  # those to sync, by their places in that order

    def __iter__(self) -> Iterator[ServiceController]:
        """Iterate over them in the order of their creation."""
        return iter(self._all.values())

    def get(self, namespace: str, name: str) -> ServiceController | None:
        """Return the controller of a Service; None if it does not exist."""
        return self._all.get((namespace, name))

    def add(self, controller: ServiceController, pods: Sequence[PodView]) -> None:
        """Add a new Service's controller, and let it publish; `pods` are all existing pods."""
        service = controller.service
        self._all[service.namespace, service.name] = controller
        self._index(len(self._all) - 1, controller)
        controller.apply(service, pods)

    def change(self, controller: ServiceController, service: Service, pods: Sequence[PodView]) -> None:
        """Replace a Service by another of its name, and let it publish."""
        controller.apply(service, pods)
        self._by_label.clear()
        for number, one in enumerate(self):
            self._index(number, one)

    def _index(self, number: int, controller: ServiceController) -> None:
        service = controller.service
        for key, value in islice(service.selector.items(), 1):
            self._by_label[service.namespace, key, value].append((number, controller))

    def select(self, pods: Sequence[PodView]) -> None:
        """Select among all existing pods again, because the labels of one have changed."""
        for number, one in enumerate(self):
            one.select(pods)
            self._stale[number] = one

    def put(self, view: PodView) -> None:
        """Add a pod that was created, or update one that has changed."""
        for number, one in self._selecting(view.pod):
            one.put(view)
            self._stale[number] = one

    def drop(self, pod: Pod) -> None:
        """Remove a pod."""
        for number, one in self._selecting(pod):
            one.drop(pod.uid)
            self._stale[number] = one

    def _selecting(self, pod: Pod) -> Iterator[tuple[int, ServiceController]]:
        """Yield those that select a pod: each is indexed by one label of its selector."""
        for key, value in pod.template.labels.items():
            for number, one in self._by_label.get((pod.namespace, key, value), ()):
                if one.selects(pod):
                    yield number, one

    def sync(self) -> None:
        """Sync those whose pods have changed, in the order of their creation."""
        stale, self._stale = self._stale, {}
        for number in sorted(stale):
            stale[number].sync()


def _move(name: str, one: dict[str, None], other: dict[str, None]) -> None:
    """Remove a name from one or, if it isn't in it, add it to the other: joining and leaving again is no change."""
    if name in one:
        del one[name]
    else:
        other[name] = None


def _places(backends: Sequence[_Backend], service_port: int) -> _Places:
    return [(one.address, port) for one in backends if (port := one.ports[service_port])]


def _port(template: PodTemplate, target: int | str) -> int | None:
    """Return a target port's number, searching all containers for a name; None, and no connections, without it."""
    if isinstance(target, int):
        return target
    for container in template.containers:
        if any(port.name == target for port in container.ports):
            try:
                return find_port(container, target)
            except PortError:
                return None
    return None
