"""All objects of a set of manifests, and their merge with manifests that are applied later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from crashy.objects.config import ConfigMap, Secret
from crashy.objects.document import Document, one_line, refusal
from crashy.objects.fields import FieldError, invalid, required
from crashy.objects.horizontalpodautoscaler import HorizontalPodAutoscaler, raised
from crashy.objects.kinds import READ, RUN
from crashy.objects.placement import placed
from crashy.objects.poddisruptionbudget import PodDisruptionBudget
from crashy.objects.reading import Reading, reader_of
from crashy.objects.references import Found, check, warn
from crashy.objects.service import Service
from crashy.objects.workload import Key, Workload

Object = Workload | Service | ConfigMap | Secret | PodDisruptionBudget | HorizontalPodAutoscaler


@dataclass(frozen=True, slots=True)
class Manifests:
    """Everything that was read, each kind in the order of the files; names are unique per kind and namespace.

    `warnings` are lines about what is valid but probably a mistake; `skipped` counts the objects of kinds
    that are not run (`2 Ingress, 1 Role`); `documents` are those that the objects were read from.
    """

    workloads: tuple[Workload, ...] = ()
    services: tuple[Service, ...] = ()
    config_maps: tuple[ConfigMap, ...] = ()
    secrets: tuple[Secret, ...] = ()
    budgets: tuple[PodDisruptionBudget, ...] = ()
    warnings: tuple[str, ...] = ()
    skipped: str = ""
    documents: tuple[Document, ...] = field(default=(), repr=False)

    def skipped_notes(self) -> tuple[str, ...]:
        """Return the line about the objects that are not run, if there are any."""
        return (f"skipped: {self.skipped} (the lab doesn't run them)",) if self.skipped else ()


def key_of(document: Document) -> Key:
    """Return an object's key; of a malformed object, as much as it has."""
    metadata = document.object.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    namespace = metadata.get("namespace") or "default"
    return str(document.object.get("kind")), str(namespace), document.name or str(None)


def merged(before: Iterable[Document], after: Iterable[Document]) -> list[Document]:
    """Return the documents of both, without those of `before` that `after` replaces."""
    after = list(after)
    given = {key_of(document) for document in after}
    return [document for document in before if key_of(document) not in given] + after


def chosen(manifests: Manifests, keys: Collection[Key]) -> Manifests:
    """Return the workloads and Services among `keys`, with all objects of other kinds."""
    return replace(
        manifests,
        workloads=tuple(one for one in manifests.workloads if one.key in keys),
        services=tuple(one for one in manifests.services if ("Service", one.namespace, one.name) in keys),
        budgets=tuple(one for one in manifests.budgets if ("PodDisruptionBudget", one.namespace, one.name) in keys),
    )


def read(documents: Sequence[Document], errors: Sequence[str] = (), *, on_top: bool = False) -> Manifests:
    """Return the objects of `documents`; raises BadInput with a line for every mistake in any of them.

    `errors` are mistakes that are known already; they are raised with the others. What is applied `on_top` of other
    manifests need hold nothing that runs. Of two objects with one kind,
    namespace and name the later one counts, as with `kubectl apply`, and a warning names both places.
    References between objects are checked once each object is valid by itself.
    """
    lines = list(errors)
    warnings: list[str] = []
    found: dict[Key, Found[Object]] = {}
    skipped: Counter[str] = Counter()
    for document in documents:
        kind = document.object.get("kind")
        one, wrong = read_object(document)
        lines += [document.message(error) for error in wrong]
        if one is None:
            if not wrong:
                skipped[str(kind)] += 1
            continue
        key = (str(kind), one.namespace, one.name)
        if earlier := found.pop(key, None):
            at = f"{earlier.document.place} at {earlier.document.source}"
            warnings.append(document.message(f"replaces {at}, as kubectl apply does: the later one wins"))
        found[key] = Found(document, one)
    everything = list(found.values())
    autoscalers = [one.object for one in everything if isinstance(one.object, HorizontalPodAutoscaler)]
    everything = [
        Found(one.document, raised(one.object, autoscalers)) if isinstance(one.object, Workload) else one
        for one in everything
    ]
    if not lines:
        lines = check(everything)
    if lines:
        raise refusal(lines)
    workloads = [one.object for one in everything if isinstance(one.object, Workload)]
    others = ", ".join(f"{count} {kind}" for kind, count in skipped.items())
    if not workloads and not on_top:
        files = ", ".join(dict.fromkeys(document.file for document in documents)) or "nothing"
        beside = f" (only {others})" if others else ""
        raise refusal([f"{files}: no workload to run: none of {', '.join(reversed(RUN))}{beside}"])
    objects = [one.object for one in everything]
    return Manifests(
        workloads=tuple(sorted(workloads, key=lambda one: RUN.index(one.kind))),
        services=tuple(o for o in objects if isinstance(o, Service)),
        config_maps=tuple(o for o in objects if isinstance(o, ConfigMap)),
        secrets=tuple(o for o in objects if isinstance(o, Secret)),
        budgets=tuple(o for o in objects if isinstance(o, PodDisruptionBudget)),
        warnings=tuple(map(one_line, (*warnings, *warn(everything)))),
        skipped=one_line(others),
        documents=tuple(one.document for one in everything),
    )


def read_object(document: Document) -> tuple[Object | None, list[FieldError]]:
    """Return the object of one document, and all errors in it: None with the former, or neither.

    Neither is for the kinds that are not run, those of whoever has defined kinds of their own too.
    """
    if wrong := _kind_error(document):
        return None, [wrong]
    kind = str(document.object["kind"])
    if kind not in READ or document.object["apiVersion"] not in READ[kind].versions:
        return None, []
    reader = reader_of(READ[kind])
    reading = Reading(document, reader.schema)
    one: Object | None = reader.read(reading)
    return (None if reading.errors else one), placed(reading.errors, READ[kind])


def _kind_error(document: Document) -> FieldError | None:
    kind, version = document.object.get("kind"), document.object.get("apiVersion")
    if not isinstance(kind, str) or not kind:
        return required("kind") if kind in (None, "") else invalid("kind", kind, "must be a string")
    if not isinstance(version, str) or not version:
        return required("apiVersion") if version in (None, "") else invalid("apiVersion", version, "must be a string")
    known = READ.get(kind)
    own = "." not in version.rpartition("/")[0]  # a group that others have defined has a domain's name
    if known and own and version not in known.versions:
        text = f'no matches for kind "{kind}" in version "{version}": it is in {known.version}'
        return invalid("apiVersion", version, text)
    return None
