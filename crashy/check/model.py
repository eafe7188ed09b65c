"""What a trap is, and what is found of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from crashy.check.targets import CheckTarget
from crashy.objects.document import Document, one_line


class Severity(StrEnum):
    """How bad it is: it can't work as meant, it will hurt one day, it is worth knowing. SARIF has the same words."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Hit:
    """A place where a container walks into a trap: a path of its document (or of `document`), and what is so there."""

    path: str
    message: str
    severity: Severity | None = None
    document: Document | None = None


Find = Callable[[CheckTarget], Iterable[Hit]]


@dataclass(frozen=True, slots=True)
class Trap:
    """A way in which probes do what nobody meant: why they do, and the mend. `find` gives where a container does so."""

    id: str
    severity: Severity
    title: str
    why: str
    mend: str
    find: Find


@dataclass(frozen=True, slots=True)
class Finding:
    """A trap that was found: where, in whose container, and in words."""

    trap: Trap
    severity: Severity
    message: str
    file: str
    line: int
    path: str
    target: CheckTarget


def findings(traps: Iterable[Trap], targets: Iterable[CheckTarget]) -> list[Finding]:
    """Return what is found of `traps` in `targets`, the worst first; a place that containers share counts once."""
    found: dict[tuple[str, str, int, str], Finding] = {}
    order = list(Severity)
    for target in targets:
        for trap in traps:
            for hit in trap.find(target):
                document = hit.document or target.workload.document
                line = document.line_of(hit.path)
                severity = hit.severity or trap.severity
                one = Finding(trap, severity, one_line(hit.message), document.file, line, hit.path, target)
                found.setdefault((trap.id, document.file, document.index, f"{document.prefix} {hit.path}"), one)
    return sorted(found.values(), key=lambda one: order.index(one.severity))
