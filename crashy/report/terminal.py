"""Tables and summaries for a terminal, in plain characters."""

from __future__ import annotations

from collections.abc import Sequence

from crashy.report.results import FaultResult, RunSummary, summarize
from crashy.timeline import Event, kinds

SIGNS = "Detected, out of service, recovered: seconds after the fault. The first sign of each:"


WORTH_A_LINE: frozenset[str] = frozenset({kinds.EVENT, kinds.FAULT, kinds.STEP, kinds.EXPERIMENT, kinds.NOTE})
"""The kinds of events that are shown during a run."""


def event_line(event: Event) -> str:
    """Return an event in one line: its time, reason, object and the first line of its message."""
    return f"{event.t:7.1f}s  {event.reason:18} {event.object}  {event.message.partition(chr(10))[0]}".rstrip()


def columns(rows: Sequence[Sequence[str]], gap: int = 3) -> str:
    """Align rows as kubectl does: each column as wide as its widest cell, `gap` spaces between."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ((" " * gap).join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def seconds(value: float | None) -> str:
    """Return seconds with one decimal; a dash for None."""
    return "-" if value is None else f"{value:.1f}s"


def summary(events: Sequence[Event]) -> str:
    """Return the table of faults and what the platform did about each, their first signs, and a line on users."""
    run = summarize(events)
    lines = [fault_table(run.faults)] if run.faults else []
    signs = [
        f"{fault.at + fault.detected:.1f}s  {fault.detected_by}" for fault in run.faults if fault.detected is not None
    ]
    if signs:
        lines += ["", SIGNS, *signs]
    if run.requests:
        lines += ["", users_line(run)]
    return "\n".join(lines)


def fault_table(faults: Sequence[FaultResult]) -> str:
    """Return a row for each fault."""
    head = ("AT", "POD", "FAULT", "DETECTED", "OUT OF SERVICE", "RECOVERED", "RESTARTS", "USERS' ERRORS")
    return columns([head, *(_row(fault) for fault in faults)], gap=2)


def _row(fault: FaultResult) -> tuple[str, ...]:
    return (
        seconds(fault.at),
        fault.pod,
        fault.fault,
        seconds(fault.detected),
        seconds(fault.left),
        seconds(fault.recovered),
        str(fault.restarts),
        f"{fault.errors} of {fault.requests}",
    )


def users_line(summary: RunSummary) -> str:
    """Return the outcome of all users' requests."""
    text = f"users: {summary.requests} requests, {summary.errors} errors, {100 * summary.availability:.2f} % answered"
    if summary.last_error is None:
        return text
    since = summary.end - summary.last_error
    return f"{text}; the last error {summary.last_error:.1f}s in, none in the {since:.1f}s since"
