"""How `crashy run` and `crashy report` show runs: on the terminal, as JSON, JUnit XML and HTML."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from crashy.errors import BadInput
from crashy.experiment.record import Record
from crashy.report.document import document
from crashy.report.html import page
from crashy.report.junit import junit
from crashy.report.terminal import columns, seconds

_COLUMNS: tuple[str, ...] = (
    *("RUN", "ANSWERED", "ERRORS", "LONGEST OUTAGE"),
    *("DETECTED", "OUT OF SERVICE", "RECOVERED", "RESTARTS", "VERDICT"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose the reports."""
    parser.add_argument("--json", action="store_true", help="print one JSON document at the end, nothing else")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write the verdicts as JUnit XML")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with the timeline drawn")
    parser.add_argument("--compare", action="store_true", help="compare the runs in one table")


def show(args: argparse.Namespace, records: Sequence[Record]) -> int:
    """Write the chosen reports; return 0 if every expectation passed, else 1."""
    if args.json:
        documents = [document(record.name, record.events, record.verdicts()) for record in records]
        print(json.dumps(documents[0] if len(documents) == 1 else documents))
    else:
        print("\n\n".join(record.text() for record in records))
        if args.compare:
            print("\n" + comparison(records))
    if args.junit:
        _write(args.junit, junit([(r.name, r.summary().end, r.verdicts()) for r in records]))
    if args.html:
        for record in records:
            file = args.html if len(records) == 1 else args.html.with_stem(f"{args.html.stem}-{record.name}")
            title = f"{record.name} ({record.engine})" if record.engine else record.name
            _write(file, page(record.events, record.verdicts(), title=title, lesson=record.lesson))
    return int(not all(verdict.passed for record in records for verdict in record.verdicts()))


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}") from None


def comparison(records: Sequence[Record]) -> str:
    """Return the table that compares runs, by the worst of each one's faults."""
    rows = [_COLUMNS]
    for record in records:
        summary = record.summary()
        worst = [
            max((t for t in times if t is not None), default=None)
            for times in zip(*((f.detected, f.left, f.recovered) for f in summary.faults), strict=True)
        ] or [None, None, None]
        rows.append(
            (
                record.name,
                f"{100 * summary.availability:.2f} %" if summary.requests else "-",
                str(summary.errors),
                f"{max((o.seconds for o in summary.outages), default=0.0):.1f}s",
                *map(seconds, worst),
                str(sum(summary.restarts.values())),
                "pass" if all(v.passed for v in record.verdicts()) else "FAIL",
            )
        )
    return columns(rows)
