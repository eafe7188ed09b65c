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
    r"""A place where a container has a trap: a path in its document \(or in `document`\), and a message."""

    path: str
    message: str
    severity: Severity | None = None
    document: Document | None = None


Find = Callable[[CheckTarget], Iterable[Hit]]


@dataclass(frozen=True, slots=True)
class Trap:
    """A way in which probes misbehave: why, and how to fix it. `find` yields the places in a container."""

    id: str
    severity: Severity
    title: str
    why: str
    mend: str
    find: Find


@dataclass(frozen=True, slots=True)
class Finding:
    """A trap that was found: where, in which container, and a message."""

    trap: Trap
    severity: Severity
    message: str
    file: str
    line: int
    path: str
    target: CheckTarget


def findings(traps: Iterable[Trap], targets: Iterable[CheckTarget]) -> list[Finding]:
    """Return the findings of `traps` in `targets`, the worst first; a place that containers share counts once."""
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
