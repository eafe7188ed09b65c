"""Results as one JSON document."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from crashy.report.html import Judged
from crashy.report.results import results
from crashy.timeline import Event


def document(name: str, events: Sequence[Event], verdicts: Sequence[Judged]) -> dict[str, Any]:
    """Return the document: times in seconds since the experiment's start; null for what never came."""
    totals = dataclasses.asdict(results(events))
    totals["ever_ready"] = sorted(totals["ever_ready"])
    totals["outages"] = [outage | {"seconds": outage["end"] - outage["start"]} for outage in totals["outages"]]
    return {
        "name": name,
        "passed": all(verdict.passed for verdict in verdicts),
        "expectations": [
            {"name": v.name, "wanted": v.wanted, "seen": v.seen, "passed": v.passed} for v in verdicts
        ],
        **totals,
    }  # fmt: skip
