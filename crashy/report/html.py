"""The report as one self-contained HTML page: no network, no script."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Protocol

from crashy.report.drawing import drawing
from crashy.report.lanes import lanes
from crashy.report.results import FaultResult, summarize
from crashy.report.terminal import seconds, users_line
from crashy.timeline import Event, kinds

_STYLE = Path(__file__).with_name("style.css")
_MOST_EVENTS = 500


class Judged(Protocol):
    """An expectation and the observed value."""

    @property
    def name(self) -> str:
        """The name of what was judged."""
        ...

    @property
    def wanted(self) -> str:
        """The expected value."""
        ...

    @property
    def seen(self) -> str:
        """The observed value."""
        ...

    @property
    def passed(self) -> bool:
        """Whether the observed value is as expected."""
        ...


def page(events: Sequence[Event], verdicts: Sequence[Judged] = (), *, title: str = "crashy", lesson: str = "") -> str:
    """Return the page: verdict, timeline, faults, Kubernetes' events."""
    summary = summarize(events)
    body = [f"<h1>{escape(title)}{_badge(verdicts)}</h1>"]
    body += [f"<p>{escape(part.strip())}</p>" for part in lesson.split("\n\n") if part.strip()]
    body.append(
        f"<figure>{drawing(events, summary, lanes(events, summary))}<figcaption>{_LEGEND}</figcaption></figure>"
    )
    if summary.requests:
        body.append(f"<p>{escape(users_line(summary))}</p>")
    if verdicts:
        rows = [(v.name, v.wanted, v.seen, "pass" if v.passed else "FAIL") for v in verdicts]
        body += ["<h2>Expected and seen</h2>", _table(("expectation", "wanted", "seen", ""), rows)]
    if summary.faults:
        body += ["<h2>Faults</h2>", _table(_FAULTS, [_fault(fault) for fault in summary.faults])]
    body += ["<h2>Events</h2>", _events(events)]
    return _PAGE.format(title=escape(title), style=_STYLE.read_text(), body="\n".join(body))


_FAULTS = ("at", "pod", "fault", "detected", "left", "last request", "recovered", "restarts", "errors", "first sign")


def _fault(fault: FaultResult) -> tuple[str, ...]:
    times = (fault.detected, fault.left, fault.drained, fault.recovered)
    errors = f"{fault.errors} of {fault.requests}"
    fault_columns = (seconds(fault.at), fault.pod, fault.fault)
    return (*fault_columns, *map(seconds, times), str(fault.restarts), errors, fault.detected_by)


def _badge(verdicts: Sequence[Judged]) -> str:
    if not verdicts:
        return ""
    passed = all(verdict.passed for verdict in verdicts)
    return f' <span class="badge {"pass" if passed else "fail"}">{"pass" if passed else "FAIL"}</span>'


def _events(events: Sequence[Event]) -> str:
    shown = [event for event in events if event.kind in (kinds.EVENT, kinds.FAULT, kinds.STEP)]
    rows = [
        (f"{e.t:.1f}s", str(e.data.get("type", e.kind)), e.reason, e.object, e.message) for e in shown[:_MOST_EVENTS]
    ]
    more = f"<p>and {len(shown) - _MOST_EVENTS} more</p>" if len(shown) > _MOST_EVENTS else ""
    return _table(("t", "type", "reason", "object", "message"), rows) + more


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    body = "\n".join(line(row, "td") for row in rows)
    return f'<div class="scroll"><table><thead>{line(head, "th")}</thead><tbody>{body}</tbody></table></div>'


_LEGEND = (
    "Top: users' requests, coloured by the pod that answered, failed ones red; outages are shaded. A lane for each "
    "pod: its state (green: ready), faults as spans above it, probes as ticks below it (red: failed), events as dots. "
    "Hover for details."
)

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
{body}
</body>
</html>
"""
