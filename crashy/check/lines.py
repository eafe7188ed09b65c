"""Findings as lines: a summary for people and editors, and workflow commands for GitHub Actions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath

from crashy.check.model import Finding, Severity
from crashy.check.places import relative
from crashy.objects.document import one_line

# docs.github.com: workflow commands, "Setting an error message"
_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def summary(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield a line for each finding: `web.yaml:12: warning: tcp-frozen: MESSAGE (Deployment/web, container app)`."""
    for finding in findings:
        namespace = "" if finding.namespace in {"", "default"} else f"{finding.namespace}/"
        whose = f" ({namespace}{finding.title})" if finding.title else ""
        yield one_line(f"{finding.place}: {finding.severity}: {finding.trap.id}: {finding.message}{whose}")


def github(findings: Sequence[Finding], here: PurePath) -> Iterator[str]:
    """Yield a workflow command for each finding, which GitHub shows beside its line; files are relative to `here`."""
    for finding in findings:
        whose = f"{finding.title}: " if finding.title else ""
        message = one_line(f"{whose}{finding.message}. {finding.trap.mend}")
        line = f",line={finding.line}" if finding.line else ""
        place = f"file={_property(relative(finding.file, here))}{line}"
        yield one_line(f"::{_COMMANDS[finding.severity]} {place},title={finding.trap.id}::{_data(message)}")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
