"""The report as text: the times of each container, then its traps."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence

from crashy.check.handler_traps import shown
from crashy.check.impacts import Impact
from crashy.check.model import Finding, Severity
from crashy.check.numbers import Numbers, numbers, waits
from crashy.check.outcomes import FailureMode
from crashy.check.starts import unguarded
from crashy.check.targets import CheckTarget
from crashy.kubelet.detection import Bounds
from crashy.objects.document import one_line
from crashy.objects.pod import Probe, ProbeType

WIDTH = 110
_INDENT = " " * 12

_MODES = {
    FailureMode.EXIT: "its process ends",
    FailureMode.ERRORS: "it answers with errors",
    FailureMode.HANG: "it hangs",
}
_HEAD = ("when", "noticed after", "out of Service", "back after", "users see errors")
_HEAD_ALONE = ("when", "noticed after", "not ready after", "back after")  # no Service leads to it: no users
_ENDS = {
    ProbeType.READINESS: ("takes", "it out of its Services"),
    ProbeType.LIVENESS: ("restarts", "it"),
    ProbeType.STARTUP: ("restarts", "it"),
}


def report(targets: Sequence[CheckTarget], findings: Sequence[Finding], *, width: int = WIDTH) -> str:
    """Return everything about each container, then what is about none; each trap is explained once."""
    lines: list[str] = []
    explained: set[str] = set()
    by_target: dict[int, list[Finding]] = {}
    for finding in findings:
        by_target.setdefault(id(finding.target), []).append(finding)
    for target in targets:
        mine = by_target.get(id(target), [])
        lines += [*_container(target, width), "", *_traps(mine, explained, width), *([""] if mine else [])]
    others = by_target.get(id(None), [])
    lines += [*_traps(others, explained, width), *([""] if others else [])]
    return "\n".join(map(one_line, [*lines, *(_legend(targets, width) if targets else ()), summary(findings)]))


def summary(findings: Sequence[Finding]) -> str:
    """Return the count of findings by severity, in one line."""
    counts = [(severity, sum(finding.severity is severity for finding in findings)) for severity in Severity]
    return ", ".join(f"{count} {severity}{'' if count == 1 else 's'}" for severity, count in counts)


def _container(target: CheckTarget, width: int) -> Iterator[str]:
    result = numbers(target)
    document = target.workload.document
    pods = "" if target.pods == 1 else ", one pod per node" if target.pods is None else f", {target.pods} pods"
    namespace = "" if target.workload.namespace == "default" else f", namespace {target.workload.namespace}"
    yield f"{target.title}{pods}{namespace}  ({document.file}:{document.line_of(target.path)})"
    for kind in (ProbeType.STARTUP, ProbeType.READINESS, ProbeType.LIVENESS):
        probe = target.container.probe(kind)
        if probe is not None or kind is not ProbeType.STARTUP:
            yield from _wrapped(f"  {kind:9} ", _probe(target, kind, probe), width)
    yield from _wrapped("  start     ", _start(target, result), width)
    yield ""
    head = _HEAD if target.routes else _HEAD_ALONE
    yield from _table([head, *(_row(target, mode, result.impacts[mode]) for mode in FailureMode)])


def _probe(target: CheckTarget, kind: ProbeType, probe: Probe | None) -> str:
    if probe is None:
        nothing = {
            ProbeType.READINESS: "none: ready as soon as it runs",
            ProbeType.LIVENESS: "none: restarted only when its process ends",
        }
        return nothing[kind]
    delay = f" after {probe.initial_delay_seconds} s" if probe.initial_delay_seconds else ""
    verb, object_ = _ENDS[kind] if kind is not ProbeType.READINESS or target.routes else ("makes", "it not ready")
    one = probe.failure_threshold == 1
    failures = f"1 failure {verb}" if one else f"{probe.failure_threshold} failures in a row {verb.removesuffix('s')}"
    text = f"{shown(probe.handler)} every {probe.period_seconds} s{delay}, waits {probe.timeout_seconds} s;"
    text += f" {failures} {object_}"
    if kind is ProbeType.LIVENESS:
        text += f" (it has {_seconds(numbers(target).killing.worst)} to end)"
    return text


def _start(target: CheckTarget, result: Numbers) -> str:
    start = result.start
    if start.by is None or start.safe is None:
        text = "may take any time"
    elif start.in_vain and start.ready:
        first = start.by is ProbeType.LIVENESS and unguarded(target)
        each = "the first one" if first else "each one"
        text = f"{_seconds(start.safe)} are allowed, {start.by} ends {each} after {_span(start.killed)}"
        text += f", and it has ended after {_span(start.ended)}"
    else:
        text = f"{_seconds(start.safe)} are allowed, {start.by} ends it after {_span(start.killed)}"
    if start.ready is None:
        gates = " and ".join(target.template.readiness_gates)
        return f"{text}; never ready{f', unless something sets {gates}' if gates else ''}"
    if not start.ready.worst:
        return text
    if start.ready.worst == math.inf:
        return f"{text}; ready after {_seconds(start.ready.best)} at the earliest, or never"
    return f"{text}; ready after {_span(start.ready)}{', until then' if start.in_vain else ''}"


def _row(target: CheckTarget, mode: FailureMode, impact: Impact) -> tuple[str, ...]:
    star = "" if target.env.knows_start else " *"
    share = ""
    if target.pods != 1:
        share = " (1 pod in N)" if target.pods is None else f" (1 pod in {target.pods})" if target.pods else ""
    back = _span(impact.back) + (star if impact.back else "")
    # What lasts until it is back lasts as long as its start too.
    errors = _span(impact.errors, "for ever") + (star if impact.errors and impact.errors is not impact.out else "")
    row = _MODES[mode], _span(impact.detected), _span(impact.out), back
    return (*row, errors + share) if target.routes else row


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  " + "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _traps(findings: Sequence[Finding], explained: set[str], width: int) -> Iterator[str]:
    for finding in findings:
        document = finding.target.workload.document if finding.target else None
        at = f"line {finding.line}" if document and document.file == finding.file else finding.place
        yield from _wrapped(f"  {finding.severity:9} ", f"{finding.trap.id}, {at}: {finding.message}", width)
        if finding.trap.id in explained:
            continue
        explained.add(finding.trap.id)
        if finding.severity is not Severity.NOTE:
            yield from _wrapped(_INDENT, finding.trap.why, width)
        yield from _wrapped(_INDENT, f"Fix: {finding.trap.mend}", width)


def _legend(targets: Sequence[CheckTarget], width: int) -> Iterator[str]:
    star = "* and the time that the app takes to start. " if any(not s.env.knows_start for s in targets) else ""
    again = ", ".join(f"{wait:g}" for wait in dict.fromkeys(waits()))
    text = (
        f"{star}Lower to upper bound of a first failure, with Kubernetes {targets[0].profile.version}; repeated "
        f"failures wait {again} s before their restarts (CrashLoopBackOff). The kubelet only detects what a probe "
        "checks."
    )
    yield from textwrap.wrap(text, width)


def _wrapped(lead: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=lead, subsequent_indent=_INDENT, break_on_hyphens=False)


def _span(bounds: Bounds | None, nothing: str = "never") -> str:
    if bounds is None:
        return nothing
    if bounds.worst == math.inf:
        return f"at least {_seconds(bounds.best)}, or {nothing}"
    least, most = _number(bounds.best), _number(bounds.worst)
    return f"{most} s" if least == most else f"{least} to {most} s"


def _seconds(seconds: float) -> str:
    return f"{_number(seconds)} s"


def _number(seconds: float) -> str:
    return f"{round(seconds, 1):.10g}"
