"""The report as JSON; docs/check.md documents it, and fields are only ever added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from crashy.check.handler_traps import shown
from crashy.check.model import Finding, Severity
from crashy.check.numbers import numbers, waits
from crashy.check.targets import CheckTarget
from crashy.kubelet.detection import Bounds
from crashy.kubelet.versions import NEWEST

SCHEMA = 1


def report(targets: Sequence[CheckTarget], findings: Sequence[Finding]) -> dict[str, Any]:
    """Return everything about each container, and the findings; times are seconds, null is never."""
    return {
        "schema": SCHEMA,
        "kubernetes": NEWEST.version,
        "restart_waits": list(dict.fromkeys(waits())),
        "containers": [_container(target) for target in targets],
        "findings": [_finding(finding) for finding in findings],
        "summary": {str(s): sum(finding.severity is s for finding in findings) for s in Severity},
    }


def _container(target: CheckTarget) -> dict[str, Any]:
    result, document = numbers(target), target.workload.document
    return {
        **_whose(target),
        "file": document.file,
        "line": document.line_of(target.path),
        "pods": target.pods,
        "probes": {
            str(kind): {
                "asks": shown(probe.handler),
                **{name: value for name, value in asdict(probe).items() if name != "handler"},
            }
            for kind, probe in target.probes.items()
        },
        "illnesses": {
            str(mode): {
                "detected": _bounds(impact.detected),
                "out_of_service": _bounds(impact.out),
                "back": _bounds(impact.back),
                "users_see_errors": _bounds(impact.errors),
            }
            for mode, impact in result.impacts.items()
        },
        "start": {
            "granted": result.start.safe,
            "killed": _bounds(result.start.killed),
            "killed_by": result.start.by and str(result.start.by),
            "ready": _bounds(result.start.ready),
            "known": target.env.starts or None,
        },
        "kill": _bounds(result.killing),
        "probes_per_minute": result.probes_per_minute,
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
        **_whose(finding.target),
    }


def _whose(target: CheckTarget) -> dict[str, str]:
    workload = target.workload
    return {
        "kind": workload.kind,
        "namespace": workload.namespace,
        "name": workload.name,
        "container": target.container.name,
    }


def _bounds(bounds: Bounds | None) -> dict[str, float] | None:
    return None if bounds is None else {"best": round(bounds.best, 6), "worst": round(bounds.worst, 6)}
