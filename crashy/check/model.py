"""Traps and findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from crashy.check.targets import CheckTarget
from crashy.objects.document import Document, one_line


class Severity(StrEnum):
    """The severity: can't work as intended, will cause harm one day, worth knowing; as in SARIF."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Hit:
    r"""A place where a container has a trap: a path in its document \(or in `document`\), and a message.

    What does not matter, as far as the manifest shows, is reported to people only when they ask for all.
    """

    path: str
    message: str
    severity: Severity | None = None
    document: Document | None = None
    matters: bool = True


Find = Callable[[CheckTarget], Iterable[Hit]]


def nothing(_: CheckTarget) -> Iterable[Hit]:
    """Find nothing: for rules about files and objects, see `files.py`."""
    return ()


@dataclass(frozen=True, slots=True)
class Trap:
    """A way in which probes misbehave: why, and how to fix it. `find` yields the places in a container."""

    id: str
    severity: Severity
    title: str
    why: str
    mend: str
    find: Find = nothing


@dataclass(frozen=True, slots=True)
class Finding:
    """A trap that was found: where, in which container, and a message.

    `document` and `target` are None where a file can't be read so far, `target` is where it is about no container.
    `line` is 0 for the whole file, `column` where it isn't known.
    """

    trap: Trap
    severity: Severity
    message: str
    file: str
    line: int
    path: str
    target: CheckTarget | None = None
    document: Document | None = None
    column: int = 0
    matters: bool = True

    @property
    def place(self) -> str:
        """Return where it is: `web.yaml`, `web.yaml:3` or `web.yaml:3:7`."""
        return ":".join([self.file, *(str(number) for number in (self.line, self.column) if number)])

    @property
    def whose(self) -> dict[str, str | None]:
        """Return kind, namespace and name of the object, and the container's name, as far as they are known."""
        if self.target is not None:
            workload = self.target.workload
            return _whose(workload.kind, workload.namespace, workload.name, self.target.container.name)
        return _whose(*_key(self.document)) if self.document else _whose()

    @property
    def title(self) -> str:
        """Return the object and the container: `Deployment/web, container app`; empty if they aren't known."""
        if self.target is not None:
            return self.target.title
        return "/".join(name for name in (self.whose["kind"], self.whose["name"]) if name)

    @property
    def namespace(self) -> str:
        """Return the object's namespace, or nothing where that isn't known."""
        return self.whose["namespace"] or ""


def _whose(
    kind: str | None = None, namespace: str | None = None, name: str | None = None, container: str | None = None
) -> dict[str, str | None]:
    return {"kind": kind, "namespace": namespace, "name": name, "container": container}


def _key(document: Document) -> tuple[str | None, str | None, str | None]:
    kind, metadata = document.object.get("kind"), document.object.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    name, namespace = metadata.get("name") or metadata.get("generateName"), metadata.get("namespace") or "default"
    return str(kind) if kind else None, str(namespace), str(name) if name else None


def findings(traps: Iterable[Trap], targets: Iterable[CheckTarget]) -> list[Finding]:
    """Return the findings of `traps` in `targets`, the worst first; a place that containers share counts once."""
    found: dict[tuple[str, str, int, str], Finding] = {}
    for target in targets:
        for trap in traps:
            for hit in trap.find(target):
                document = hit.document or target.workload.document
                one = finding_in(document, trap, hit, target)
                found.setdefault((trap.id, document.file, document.index, f"{document.prefix} {hit.path}"), one)
    return worst_first(found.values())


def finding_in(document: Document, trap: Trap, hit: Hit, target: CheckTarget | None = None) -> Finding:
    """Return the finding of a trap at a place in a document."""
    place = document.place_of(hit.path)
    message = one_line(hit.message)
    return Finding(
        trap,
        hit.severity or trap.severity,
        message,
        place.file,
        place.line,
        hit.path,
        target,
        document,
        matters=hit.matters,
    )


def worst_first(found: Iterable[Finding]) -> list[Finding]:
    """Sort findings by their severity, and leave them in order otherwise."""
    return sorted(found, key=lambda one: _ORDER.index(one.severity))


_ORDER = list(Severity)
