"""The containers to check, read from documents, with all that affects their probes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from crashy.check.patient_env import PatientEnv, by_name, is_known, patient_env
from crashy.kubelet.pod import is_sidecar
from crashy.kubelet.versions import NEWEST, Profile
from crashy.objects.config import ConfigMap
from crashy.objects.document import Document, refusal
from crashy.objects.fields import FieldError, SpecError, child
from crashy.objects.kinds import KINDS, NOT_RUN, Kind
from crashy.objects.manifests import Object, read_object
from crashy.objects.pod import Container, PodTemplate, Probe, ProbeType, parse_pod_template
from crashy.objects.service import Service
from crashy.objects.workload import Workload as MakesPods

WITH_PODS = ", ".join(kind.name for kind in KINDS.values() if kind.template is not None)


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload with its pod template at `path` of its document; `replicas` is None for one pod a node."""

    kind: str
    name: str
    namespace: str
    replicas: int | None
    template: PodTemplate
    path: str
    document: Document = field(repr=False)


@dataclass(frozen=True, slots=True)
class Route:
    """A Service, and the document that it was read from."""

    service: Service
    document: Document = field(repr=False)


@dataclass(frozen=True, slots=True)
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


def read_targets(documents: Sequence[Document], errors: Sequence[str] = ()) -> tuple[list[CheckTarget], list[str]]:
    """Return the containers to check in `documents`, and the names of the kinds that are skipped.

    Raises BadInput with a line for every mistake (`errors` are those known already), or if there is nothing to check.
    """
    found = read_objects(documents)
    lines = [*errors, *(document.message(error) for document, error in found.mistakes)]
    if lines:
        raise refusal(lines)
    targets = targets_among(found.objects)
    if not targets:
        files = ", ".join(dict.fromkeys(document.file for document in documents)) or "nothing"
        raise refusal([f"{files}: no {WITH_PODS} to check"])
    return targets, list(found.skipped)


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
    kind = KINDS.get(str(document.object.get("kind")))
    if kind and kind.template and not kind.read:
        return _lenient(document, kind)
    one: Object | Workload | None
    one, wrong = read_object(document)
    foreign = len(wrong) == 1 and wrong[0].path == "kind" and wrong[0].kind == "Unsupported value"
    if kind and isinstance(one, MakesPods):
        one = Workload(
            kind.name,
            one.name,
            one.namespace,
            None if kind.on_each_node else one.replicas,
            one.template,
            kind.template or "",
            document,
        )
    return one, [] if foreign else wrong


def _lenient(document: Document, kind: Kind) -> tuple[Workload | None, list[FieldError]]:
    """Read the pod template of a kind that no lab runs; other fields are not validated."""
    path, manifest = kind.template or "", kind.template_in(document.object)
    if not isinstance(manifest, Mapping):
        return None, [FieldError(path, "Required value")]
    try:
        # Only a pod that may end can have another restartPolicy than Always: a Pod's rules are a Job's too.
        template = parse_pod_template(manifest, path="" if kind.ends else path)
    except SpecError as error:
        return None, [FieldError(child(path, e.path), e.kind, e.detail) if kind.ends else e for e in error.errors]
    metadata = document.object.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    replicas = 1 if kind.ends else None if kind.on_each_node else document.object["spec"].get("replicas", 1)
    return Workload(
        kind.name,
        str(metadata.get("name") or metadata.get("generateName") or ""),
        str(metadata.get("namespace") or "default"),
        replicas if replicas is None or isinstance(replicas, int) else 1,
        template,
        path,
        document,
    ), []


def targets_among(found: Sequence[tuple[Document, Object | Workload]], profile: Profile = NEWEST) -> list[CheckTarget]:
    """Return the containers of the workloads among objects that are applied together.

    Of two objects with one kind, namespace and name in one file the later one counts, as with kubectl; in several files
    each workload counts, with the Services and ConfigMaps that stand nearest to it.
    """
    last: dict[tuple[str, ...], tuple[Document, Object | Workload]] = {}
    for document, one in found:
        own = given_name(document) or document.place
        last.pop(key := (document.file, str(document.object.get("kind")), one.namespace, own), None)
        last[key] = document, one
    return list(_Related(list(last.values()), profile).targets())


class _Related:
    """Objects that are applied together, and which belong to each other."""

    def __init__(self, found: Sequence[tuple[Document, Object | Workload]], profile: Profile) -> None:
        self._profile = profile
        self._workloads = [one for _, one in found if isinstance(one, Workload)]
        self._routes = [Route(one, document) for document, one in found if isinstance(one, Service)]
        self._maps = [(document.file, one) for document, one in found if isinstance(one, ConfigMap)]
        self._labelled: dict[tuple[str, tuple[str, str]], list[Workload]] = {}
        for workload in self._workloads:
            for label in workload.template.labels.items():
                self._labelled.setdefault((workload.namespace, label), []).append(workload)
        self._mine: dict[int, list[Route]] = {}
        for route in self._routes:
            for workload in self._selected(route):
                self._mine.setdefault(id(workload), []).append(route)

    def targets(self) -> Iterator[CheckTarget]:
        """Yield the containers of each workload."""
        for workload in self._workloads:
            yield from self._containers(workload)

    def _selected(self, route: Route) -> list[Workload]:
        """Return the workloads whose pods a Service selects."""
        service = route.service
        some = next(iter(service.selector.items()), None)
        among = self._labelled.get((service.namespace, some), ()) if some else ()
        return [workload for workload in among if service.selects(workload.template.labels)]

    def _containers(self, workload: Workload) -> Iterator[CheckTarget]:
        mine = self._routes_to(workload)
        beside = {id(workload): workload} | {
            id(other): other
            for route in mine
            for other in self._selected(route)
            if (other.kind, other.name) != (workload.kind, workload.name) and route in self._routes_to(other)
        }
        counts = [other.replicas for other in beside.values()]
        pods = None if None in counts else sum(count or 0 for count in counts)
        spec = child(workload.path, "spec")
        template = workload.template
        listed = [
            (f"{spec}.initContainers[{i}]", c)
            for i, c in enumerate(template.init_containers)
            if is_sidecar(c) and self._profile.sidecars
        ]
        listed += [(f"{spec}.containers[{i}]", c) for i, c in enumerate(template.containers)]
        known = self._maps_for(workload) if any(is_known(container) for _, container in listed) else {}
        for path, container in listed:
            yield CheckTarget(workload, container, path, mine, pods, patient_env(container, known), self._profile)

    def _maps_for(self, workload: Workload) -> dict[str, ConfigMap]:
        near = sorted(self._maps, key=lambda held: _nearness(held[0], workload.document.file))
        return by_name([held for _, held in near], workload.namespace)

    def _routes_to(self, workload: Workload) -> tuple[Route, ...]:
        """Return the Services that select a workload's pods; of those with one name, the nearest."""
        nearest: dict[str, Route] = {}
        file = workload.document.file
        for route in self._mine.get(id(workload), ()):
            other = nearest.get(route.service.name)
            if other is None or _nearness(route.document.file, file) >= _nearness(other.document.file, file):
                nearest[route.service.name] = route
        return tuple(nearest.values())


def _nearness(file: str, other: str) -> tuple[bool, int]:
    """Return how near two files are, as a key to sort by: whether they are one, and how many folders they share."""
    mine, others = PurePath(file).parts, PurePath(other).parts
    shared = next((n for n, (one, two) in enumerate(zip(mine, others, strict=False)) if one != two), len(mine))
    return file == other, shared
