"""The containers to check, read from documents, with all that affects their probes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from crashy.check.patient_env import PatientEnv, by_name, is_known, patient_env
from crashy.kubelet.restarts import is_sidecar
from crashy.kubelet.versions import NEWEST, Profile
from crashy.objects.config import ConfigMap
from crashy.objects.document import Document
from crashy.objects.fields import FieldError, child
from crashy.objects.horizontalpodautoscaler import HorizontalPodAutoscaler, least_replicas
from crashy.objects.kinds import KINDS, NOT_RUN
from crashy.objects.manifests import Object, read_object
from crashy.objects.pod import Container, PodTemplate, Probe, ProbeType
from crashy.objects.service import Service
from crashy.objects.standin import model_rules
from crashy.objects.workload import Workload as MakesPods

Label = tuple[str, str, str]  # namespace, key and value
WITH_PODS = ", ".join(kind.name for kind in KINDS.values() if kind.template is not None)


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload with its pod template at `path` of its document; `replicas` is None for one pod a node.

    `object` is what its kind's own reader made of it.
    """

    kind: str
    name: str
    namespace: str
    replicas: int | None
    template: PodTemplate
    path: str
    document: Document = field(repr=False)
    object: MakesPods | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Route:
    """A Service, and the document that it was read from."""

    service: Service
    document: Document = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)  # each is itself, so that what is derived of it can be kept
class CheckTarget:
    """A container of a workload at `path` of its document, the Services that select it, and its environment.

    `pods` counts the pods that share its work; None if that depends on the number of nodes. `profile` is the kubelet's.
    """

    workload: Workload
    container: Container
    path: str
    routes: tuple[Route, ...] = ()
    pods: int | None = 1
    env: PatientEnv = field(default_factory=PatientEnv)
    profile: Profile = NEWEST

    @property
    def template(self) -> PodTemplate:
        """Return the template of the container's pod."""
        return self.workload.template

    @property
    def title(self) -> str:
        """Name the container: `Deployment/web, container app`."""
        return f"{self.workload.kind}/{self.workload.name}, container {self.container.name}"

    @property
    def probes(self) -> dict[ProbeType, Probe]:
        """Return its probes by type."""
        return {kind: probe for kind in ProbeType if (probe := self.container.probe(kind))}

    @property
    def readiness_counts(self) -> bool:
        """Return whether a Service asks for readiness; one that publishes pods which are not ready doesn't."""
        return not any(route.service.publish_not_ready_addresses for route in self.routes)

    def field(self, name: str) -> str:
        """Return the path in the document of a field of the container; without a name, of the container itself."""
        return f"{self.path}.{name}" if name else self.path

    def pod_field(self, name: str) -> str:
        """Return the path in the document of a field of the pod's `spec`."""
        return child(self.workload.path, f"spec.{name}")


@dataclass(slots=True)
class Found:
    """What documents hold: objects, each with its document, mistakes in others, and a count of the unknown kinds."""

    objects: list[tuple[Document, Object | Workload]] = field(default_factory=list)
    mistakes: list[tuple[Document, FieldError]] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)


def read_objects(documents: Iterable[Document]) -> Found:
    """Read what `documents` hold that matters to probes."""
    found = Found()
    for document in documents:
        kind = document.object.get("kind")
        one, wrong = _object(document)
        found.mistakes += [(document, error) for error in wrong]
        if one is not None:
            found.objects.append((document, one))
        elif not wrong and kind not in list(NOT_RUN):
            found.skipped[str(kind)] += 1
    return found


def given_name(document: Document) -> str:
    """Return the name that an object has itself, and not by its generateName; else nothing."""
    metadata = document.object.get("metadata")
    return str(metadata.get("name") or "") if isinstance(metadata, Mapping) else ""


def _object(document: Document) -> tuple[Object | Workload | None, list[FieldError]]:
    one, wrong = read_object(document)
    if not isinstance(one, MakesPods):
        return one, wrong
    kind = KINDS[one.kind]
    if wrong := [*model_rules(kind.template or "", one.template)]:
        return None, wrong
    replicas = None if kind.on_each_node else one.replicas
    return Workload(one.kind, one.name, one.namespace, replicas, one.template, kind.template or "", document, one), []


def targets_among(found: Sequence[tuple[Document, Object | Workload]], profile: Profile = NEWEST) -> list[CheckTarget]:
    """Return the containers of the workloads among objects that are applied together.

    Of objects with one kind, namespace and name in several files each workload counts, with the Services and ConfigMaps
    that stand nearest to it.
    """
    return list(_Related(latest(found), profile).targets())


def latest(found: Sequence[tuple[Document, Object | Workload]]) -> list[tuple[Document, Object | Workload]]:
    """Return the later one of two objects with one kind, namespace and name in one file, as kubectl leaves it."""
    last: dict[tuple[str, ...], tuple[Document, Object | Workload]] = {}
    for document, one in found:
        own = given_name(document) or document.place
        last.pop(key := (document.file, str(document.object.get("kind")), one.namespace, own), None)
        last[key] = document, one
    return list(last.values())


class _Related:
    """Objects that are applied together, and which belong to each other."""

    def __init__(self, found: Sequence[tuple[Document, Object | Workload]], profile: Profile) -> None:
        self._profile = profile
        autoscalers = [one for _, one in found if isinstance(one, HorizontalPodAutoscaler)]
        self._workloads = [_raised(one, autoscalers) for _, one in found if isinstance(one, Workload)]
        self._maps = [(document, one) for document, one in found if isinstance(one, ConfigMap)]
        routes = [Route(one, document) for document, one in found if isinstance(one, Service) and one.selector]
        own = self._in_one_file(routes)
        taken = {id(route) for mine in own.values() for route in mine}
        common = Counter(label for workload in self._workloads for label in _labels(workload))
        every = _Index(routes, common)
        free = _Index((route for route in routes if id(route) not in taken), common)
        self._mine: dict[int, tuple[Route, ...]] = {}
        for workload in self._workloads:
            mine = own.get(id(workload), [])
            more = (free if mine else every).leading_to(workload)
            known = {route.service.name for route in mine}
            self._mine[id(workload)] = (*mine, *(route for route in more if route.service.name not in known))
        self._replicas: dict[int, dict[str, int | None]] = {}  # of all that a Service leads to
        for workload in self._workloads:
            for route in self._mine[id(workload)]:
                counts = self._replicas.setdefault(id(route.service), {})
                counts[f"{workload.kind}/{workload.name}"] = workload.replicas

    def targets(self) -> Iterator[CheckTarget]:
        """Yield the containers of each workload."""
        for workload in self._workloads:
            yield from self._containers(workload)

    def _in_one_file(self, routes: Iterable[Route]) -> dict[int, list[Route]]:
        """Return the Services that lead to workloads in their own file, by the workload's id.

        Such a file is complete: another such file is another example, or another stage, of maybe the same labels.
        """
        by_file: dict[str, list[Route]] = {}
        for route in routes:
            by_file.setdefault(route.document.file, []).append(route)
        own: dict[int, list[Route]] = {}
        for workload in self._workloads:
            here = by_file.get(workload.document.file, ())
            if mine := [route for route in here if _leads_to(route, workload)]:
                own[id(workload)] = mine
        return own

    def _containers(self, workload: Workload) -> Iterator[CheckTarget]:
        mine = self._mine[id(workload)]
        beside = {key: count for route in mine for key, count in self._replicas[id(route.service)].items()}
        counts = [*(beside | {f"{workload.kind}/{workload.name}": workload.replicas}).values()]
        pods = None if None in counts else sum(count or 0 for count in counts)
        spec = child(workload.path, "spec")
        template = workload.template
        side = [
            (f"{spec}.initContainers[{i}]", c)
            for i, c in enumerate(template.init_containers)
            if is_sidecar(c) and self._profile.sidecars
        ]
        listed = side + [(f"{spec}.containers[{i}]", c) for i, c in enumerate(template.containers)]
        known = self._maps_for(workload) if any(is_known(container) for _, container in listed) else {}
        for path, container in listed:
            env = patient_env(container, known, template.annotations)
            yield CheckTarget(workload, container, path, mine, pods, env, self._profile)

    def _maps_for(self, workload: Workload) -> dict[str, ConfigMap]:
        mine = [*places(workload.document.file)]
        near = [(sum(place in mine for place in places(document.file)), one) for document, one in self._maps]
        return by_name([one for _, one in sorted(near, key=lambda it: it[0])], workload.namespace)


class _Index:
    """Services by what they select, and by name and place: of several with one name the nearest to a file counts."""

    def __init__(self, routes: Iterable[Route], common: Counter[Label]) -> None:
        self._nearest: dict[tuple[str, str], Route] = {}  # by the Service's key, and a file or folder that it is in
        self._names: dict[Label, dict[str, None]] = {}  # of the Services that ask for a label, among others
        for route in routes:
            service = route.service
            rarest = min(((service.namespace, *label) for label in service.selector.items()), key=lambda it: common[it])
            self._names.setdefault(rarest, {})[service.name] = None
            for place in places(route.document.file):
                self._nearest[f"{service.namespace}/{service.name}", place] = route

    def leading_to(self, workload: Workload) -> Iterator[Route]:
        """Yield the Services that select a workload's pods."""
        names = dict.fromkeys(name for label in _labels(workload) for name in self._names.get(label, ()))
        for name in names:
            key = f"{workload.namespace}/{name}"
            near = (self._nearest.get((key, place)) for place in places(workload.document.file))
            if (route := next(filter(None, near), None)) and _leads_to(route, workload):
                yield route


def _leads_to(route: Route, workload: Workload) -> bool:
    return route.service.namespace == workload.namespace and route.service.selects(workload.template.labels)


def _raised(workload: Workload, autoscalers: Iterable[HorizontalPodAutoscaler]) -> Workload:
    if workload.replicas is None:
        return workload
    key = workload.kind, workload.namespace, workload.name
    return replace(workload, replicas=least_replicas(key, workload.replicas, autoscalers))


def _labels(workload: Workload) -> Iterator[Label]:
    for name, value in workload.template.labels.items():
        yield workload.namespace, name, value


def places(file: str) -> Iterator[str]:
    """Yield a file and the folders that it is in, the innermost first: `a/b.yaml`, `a`, and nothing."""
    yield file
    while file:
        file = file.rpartition("/")[0]
        yield file
