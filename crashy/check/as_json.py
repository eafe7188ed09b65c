"""What probes will do, as JSON: documented in docs/check.md, and changed only by adding to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from crashy.check.asked import shown
from crashy.check.model import Finding, Severity
from crashy.check.numbers import numbers, waits
from crashy.check.subjects import Subject
from crashy.kubelet.detection import Bounds
from crashy.kubelet.versions import NEWEST

SCHEMA = 1


def report(subjects: Sequence[Subject], findings: Sequence[Finding]) -> dict[str, Any]:
    """Return everything about each container, and the findings; times are seconds, null is never."""
    return {
        "schema": SCHEMA,
        "kubernetes": NEWEST.version,
        "restart_waits": list(dict.fromkeys(waits())),
        "containers": [_container(subject) for subject in subjects],
        "findings": [_finding(finding) for finding in findings],
        "summary": {str(s): sum(finding.severity is s for finding in findings) for s in Severity},
    }


def _container(subject: Subject) -> dict[str, Any]:
    told, document = numbers(subject), subject.workload.document
    return {
        **_whose(subject),
        "file": document.file,
        "line": document.line_of(subject.path),
        "pods": subject.pods,
        "probes": {
            str(kind): {
                "asks": shown(probe.handler),
                **{name: value for name, value in asdict(probe).items() if name != "handler"},
            }
            for kind, probe in subject.probes.items()
        },
        "illnesses": {
            str(illness): {
                "detected": _bounds(course.detected),
                "out_of_service": _bounds(course.out),
                "back": _bounds(course.back),
                "users_see_errors": _bounds(course.errors),
            }
            for illness, course in told.courses.items()
        },
        "start": {
            "granted": told.start.safe,
            "killed": _bounds(told.start.killed),
            "killed_by": told.start.by and str(told.start.by),
            "ready": _bounds(told.start.ready),
            "known": subject.facts.starts or None,
        },
        "kill": _bounds(told.killing),
        "probes_per_minute": told.probes_per_minute,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.trap.id,
        "severity": str(finding.severity),
        "message": finding.message,
        "why": finding.trap.why,
        "mend": finding.trap.mend,
        "file": finding.file,
        "line": finding.line,
        "path": finding.path,
        **_whose(finding.subject),
    }


def _whose(subject: Subject) -> dict[str, str]:
    workload = subject.workload
    return {
        "kind": workload.kind,
        "namespace": workload.namespace,
        "name": workload.name,
        "container": subject.container.name,
    }


def _bounds(bounds: Bounds | None) -> dict[str, float] | None:
    return None if bounds is None else {"best": round(bounds.best, 6), "worst": round(bounds.worst, 6)}
