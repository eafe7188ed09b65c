"""Findings as SARIF 2.1.0, which code hosts and editors show beside the line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from crashy import __version__
from crashy.check.model import Finding, Trap
from crashy.check.places import NOWHERE, uri
from crashy.check.suppress import fingerprint
from crashy.check.targets import CheckTarget

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def report(
    traps: Sequence[Trap], findings: Sequence[Finding], targets: Sequence[CheckTarget], here: PurePath = NOWHERE
) -> dict[str, Any]:
    """Return a log of one run: every trap is a rule, every finding a result; `targets` name the files looked at.

    Files are named relative to the folder `here`.
    """
    index = {trap.id: number for number, trap in enumerate(traps)}
    named = [target.workload.document.file for target in targets] + [finding.file for finding in findings]
    files = {uri(file, here): number for number, file in enumerate({uri(file, here): file for file in named}.values())}
    run = {
        "tool": {
            "driver": {
                "name": "crashy",
                "version": __version__,
                "rules": [_rule(trap) for trap in traps],
            }
        },
        "artifacts": [{"location": {"uri": file}} for file in files],
        "results": [_result(finding, index[finding.trap.id], files, here) for finding in findings],
        "columnKind": "unicodeCodePoints",
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(trap: Trap) -> dict[str, Any]:
    return {
        "id": trap.id,
        "name": "".join(word.capitalize() for word in trap.id.split("-")),
        "shortDescription": {"text": f"{trap.title}."},
        "fullDescription": {"text": trap.why},
        "help": {"text": f"{trap.why}\n\nFix: {trap.mend}", "markdown": f"{trap.why}\n\n**Fix:** {trap.mend}"},
        "defaultConfiguration": {"level": str(trap.severity)},
    }


def _result(finding: Finding, rule: int, files: Mapping[str, int], here: PurePath) -> dict[str, Any]:
    name = "/".join(part for part in finding.whose.values() if part)
    logical = {"logicalLocations": [{"fullyQualifiedName": f"{name}:{finding.path}"}]} if name else {}
    file = uri(finding.file, here)
    whose = f"{finding.title}: " if finding.title else ""
    return {
        "ruleId": finding.trap.id,
        "ruleIndex": rule,
        "level": str(finding.severity),
        "message": {"text": f"{whose}{finding.message}. {finding.trap.mend}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": file, "index": files[file]},
                    **({"region": {"startLine": finding.line}} if finding.line else {}),
                },
                **logical,
            }
        ],
        "partialFingerprints": {"crashy/v1": fingerprint(finding, here)},
    }
