"""The summary of a run as a JSON document."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from crashy.report.html import Judged
from crashy.report.results import summarize
from crashy.timeline import Event


def document(name: str, events: Sequence[Event], verdicts: Sequence[Judged]) -> dict[str, Any]:
    """Return the document: times in seconds since the experiment's start; null for what never came."""
    summary = dataclasses.asdict(summarize(events))
    summary["ever_ready"] = sorted(summary["ever_ready"])
    summary["outages"] = [outage | {"seconds": outage["end"] - outage["start"]} for outage in summary["outages"]]
    return {
        "name": name,
        "passed": all(verdict.passed for verdict in verdicts),
        "expectations": [
            {"name": v.name, "wanted": v.wanted, "seen": v.seen, "passed": v.passed} for v in verdicts
        ],
        **summary,
    }  # fmt: skip
