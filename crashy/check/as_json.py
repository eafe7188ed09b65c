"""The report as JSON; docs/check.md documents it, and fields are only ever added."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import PurePath
from typing import Any

from crashy.check.handler_traps import shown
from crashy.check.model import Finding, Severity
from crashy.check.numbers import numbers, waits
from crashy.check.places import NOWHERE
from crashy.check.suppress import fingerprint
from crashy.check.targets import CheckTarget
from crashy.kubelet.detection import Bounds
from crashy.kubelet.versions import NEWEST, Profile

SCHEMA = 1


def report(
    targets: Sequence[CheckTarget],
    findings: Sequence[Finding],
    *,
    here: PurePath = NOWHERE,
    profile: Profile = NEWEST,
) -> dict[str, Any]:
    """Return everything about each container, and the findings; times are seconds, null is never."""
    return {
        "schema": SCHEMA,
        "kubernetes": profile.version,
        "restart_waits": list(dict.fromkeys(waits())),
        "containers": [_container(target) for target in targets],
        "findings": [_finding(finding, here) for finding in findings],
        "summary": {str(s): sum(finding.severity is s for finding in findings) for s in Severity},
    }


def _container(target: CheckTarget) -> dict[str, Any]:
    result, document = numbers(target), target.workload.document
    return {
        "kind": target.workload.kind,
        "namespace": target.workload.namespace,
        "name": target.workload.name,
        "container": target.container.name,
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
            "ended": _bounds(result.start.ended),
            "in_vain": result.start.in_vain,
            "ready": _bounds(result.start.ready),
            "known": target.env.starts or None,
        },
        "kill": _bounds(result.killing),
        "probes_per_minute": result.probes_per_minute,
    }


def _finding(finding: Finding, here: PurePath) -> dict[str, Any]:
    return {
        "id": finding.trap.id,
        "severity": str(finding.severity),
        "message": finding.message,
        "why": finding.trap.why,
        "mend": finding.trap.mend,
        "file": finding.file,
        "line": finding.line or None,
        "path": finding.path,
        **finding.whose,
        "fingerprint": fingerprint(finding, here),
    }


def _bounds(bounds: Bounds | None) -> dict[str, float | None] | None:
    if bounds is None:
        return None
    return {"best": round(bounds.best, 6), "worst": None if bounds.worst == math.inf else round(bounds.worst, 6)}
