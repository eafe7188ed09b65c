"""The containers to check, read from documents, with all that affects their probes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from crashy.check.patient_env import PatientEnv, by_name, patient_env
from crashy.kubelet.pod import is_sidecar
from crashy.objects.config import ConfigMap
from crashy.objects.document import Document, one_line, refusal
from crashy.objects.fields import FieldError, SpecError, child
from crashy.objects.kinds import KINDS, NOT_RUN, Kind
from crashy.objects.manifests import Object, read_object
from crashy.objects.pod import Container, PodTemplate, Probe, ProbeType, parse_pod_template
from crashy.objects.service import Service
from crashy.objects.workload import Workload as MakesPods


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

    `pods` counts the pods that share its work; None if that depends on the number of nodes.
    """

    workload: Workload
    container: Container
    path: str
    routes: tuple[Route, ...] = ()
    pods: int | None = 1
    env: PatientEnv = field(default_factory=PatientEnv)

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


def read_targets(documents: Sequence[Document], errors: Sequence[str] = ()) -> tuple[list[CheckTarget], list[str]]:
    """Return the containers to check in `documents`, and a line for each document that is skipped.

    Raises BadInput with a line for every mistake (`errors` are those known already), or if there is nothing to check.
    """
    lines, skipped = list(errors), []
    found: dict[tuple[str, str, str], tuple[Document, Object | Workload]] = {}
    for document in documents:
        kind = document.object.get("kind")
        one, wrong = _object(document)
        lines += [document.message(error) for error in wrong]
        if one is not None:
            found.pop(key := (str(kind), one.namespace, one.name), None)
            found[key] = document, one
        elif not wrong and kind not in list(NOT_RUN):
            skipped.append(one_line(document.message("is not checked: it has no known pod template")))
    if lines:
        raise refusal(lines)
    targets = _targets(list(found.values()))
    if not targets:
        files = ", ".join(dict.fromkeys(document.file for document in documents)) or "nothing"
        kinds = ", ".join(kind.name for kind in KINDS.values() if kind.template is not None)
        raise refusal([f"{files}: no {kinds} to check"])
    return targets, skipped


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


def _targets(found: Sequence[tuple[Document, Object | Workload]]) -> list[CheckTarget]:
    workloads = [one for _, one in found if isinstance(one, Workload)]
    routes = [Route(one, document) for document, one in found if isinstance(one, Service)]
    maps = [one for _, one in found if isinstance(one, ConfigMap)]
    return [target for workload in workloads for target in _containers(workload, workloads, routes, maps)]


def _containers(
    workload: Workload, workloads: Sequence[Workload], routes: Sequence[Route], maps: Sequence[ConfigMap]
) -> list[CheckTarget]:
    mine = tuple(route for route in routes if _leads_to(route, workload))
    beside = [other for other in workloads if other is workload or any(_leads_to(route, other) for route in mine)]
    counts = [other.replicas for other in beside]
    pods = None if None in counts else sum(count or 0 for count in counts)
    spec = child(workload.path, "spec")
    template = workload.template
    listed = [(f"{spec}.initContainers[{i}]", c) for i, c in enumerate(template.init_containers) if is_sidecar(c)]
    listed += [(f"{spec}.containers[{i}]", c) for i, c in enumerate(template.containers)]
    known = by_name(maps, workload.namespace)
    return [
        CheckTarget(workload, c, path, mine, pods, patient_env(c, known, template.annotations)) for path, c in listed
    ]


def _leads_to(route: Route, workload: Workload) -> bool:
    return route.service.namespace == workload.namespace and route.service.selects(workload.template.labels)
