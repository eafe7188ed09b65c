"""The record of a run: its events, from which every report is made."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from crashy.errors import BadInput
from crashy.experiment.expectations import Run, Verdict, judge, read_expectations
from crashy.experiment.fields import Fields
from crashy.objects.document import Document
from crashy.report.results import KINDS, RunSummary, summarize
from crashy.report.terminal import columns, fault_table, users_line
from crashy.timeline import Event, kinds

KEPT = KINDS | {kinds.PROBE, kinds.PROCESS, kinds.LOG}
"""The kinds of events that reports and verdicts are made of; the others are only in the timeline's file."""


@dataclass(frozen=True, slots=True)
class Record:
    """One run: `raw` is the experiment file's own object."""

    name: str
    lesson: str
    engine: str
    raw: dict[str, Any]
    events: tuple[Event, ...]

    @classmethod
    def of(cls, events: Iterable[Event], source: str) -> Record:
        """Take a run's events; raises BadInput, which names `source`, if they don't begin with an experiment."""
        kept = tuple(event for event in events if event.kind in KEPT)
        begun, data = next(iter(kinds.EXPERIMENT.read(kept)), (None, None))
        if begun is None or data is None or "raw" not in data:
            raise BadInput(f"{source}: has no experiment: write it with crashy run --timeline FILE")
        name = begun.object.removeprefix("experiment/")
        return cls(name, begun.message, data.get("engine", ""), dict(data["raw"]), kept)

    def summary(self) -> RunSummary:
        """Return its summary."""
        return summarize(self.events)

    def verdicts(self) -> list[Verdict]:
        """Judge it by the expectations of its own file."""
        fields = Fields(Document(self.name, 1, 1, self.raw))
        return judge(read_expectations(fields, self.raw.get("expect", {})), Run(self.summary(), self.events))

    def text(self) -> str:
        """Return it as text: the lesson, each fault's consequences, users' requests, the verdicts."""
        summary, verdicts = self.summary(), self.verdicts()
        lines = [f"{self.name}, on {self.engine}", textwrap.fill(" ".join(self.lesson.split()), 100)]
        if summary.faults:
            lines += ["", fault_table(summary.faults)]
        lines.append("")
        if summary.requests:
            lines.append(users_line(summary))
        for pod, count in summary.restarts.items():
            if count:
                lines.append(f"restarts of {pod}: {count}")
        if summary.back_off:
            lines.append(f"longest back-off: {summary.back_off}s")
        if verdicts:
            rows = [("pass" if v.passed else "FAIL", v.name, v.wanted, v.seen) for v in verdicts]
            lines += ["", columns([("", "EXPECTED OF", "WANTED", "SEEN"), *rows])]
        return "\n".join(lines)


def read_record(lines: Iterable[str], source: str) -> Record:
    """Read a timeline's file; raises BadInput that names the first bad line."""
    events = []
    for number, line in enumerate(lines, 1):
        try:
            events.append(Event.from_json(line))
        except (ValueError, KeyError, TypeError):
            raise BadInput(f"{source}:{number}: is not a timeline's event") from None
    return Record.of(events, source)
