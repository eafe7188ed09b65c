"""Findings as SARIF 2.1.0, which code hosts and editors show beside the line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from crashy import __version__
from crashy.check.model import Finding, Trap
from crashy.check.targets import CheckTarget

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def report(traps: Sequence[Trap], findings: Sequence[Finding], targets: Sequence[CheckTarget]) -> dict[str, Any]:
    """Return a log of one run: every trap is a rule, every finding a result; `targets` name the files looked at."""
    index = {trap.id: number for number, trap in enumerate(traps)}
    files = dict.fromkeys([s.workload.document.file for s in targets] + [finding.file for finding in findings])
    run = {
        "tool": {
            "driver": {
                "name": "crashy",
                "version": __version__,
                "rules": [_rule(trap) for trap in traps],
            }
        },
        "artifacts": [{"location": {"uri": uri(file)}} for file in files],
        "results": [_result(finding, index[finding.trap.id], list(files).index(finding.file)) for finding in findings],
        "columnKind": "unicodeCodePoints",
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def uri(file: str) -> str:
    """Return the URI of a file: relative to where the command runs, unless it is absolute."""
    path = PurePath(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def _rule(trap: Trap) -> dict[str, Any]:
    return {
        "id": trap.id,
        "name": "".join(word.capitalize() for word in trap.id.split("-")),
        "shortDescription": {"text": f"{trap.title}."},
        "fullDescription": {"text": trap.why},
        "help": {"text": f"{trap.why}\n\nFix: {trap.mend}", "markdown": f"{trap.why}\n\n**Fix:** {trap.mend}"},
        "defaultConfiguration": {"level": str(trap.severity)},
    }


def _result(finding: Finding, rule: int, artifact: int) -> dict[str, Any]:
    workload = finding.target.workload
    name = f"{workload.namespace}/{workload.kind}/{workload.name}/{finding.target.container.name}"
    return {
        "ruleId": finding.trap.id,
        "ruleIndex": rule,
        "level": str(finding.severity),
        "message": {"text": f"{finding.target.title}: {finding.message}. {finding.trap.mend}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": uri(finding.file), "index": artifact},
                    "region": {"startLine": finding.line},
                },
                "logicalLocations": [{"fullyQualifiedName": f"{name}:{finding.path}"}],
            }
        ],
    }
