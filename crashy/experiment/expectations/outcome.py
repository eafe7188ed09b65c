"""How the run ended: `recovers`, `never-recovers`, `never-detected`, `never-ready` or `crash-loops`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crashy.experiment.expectations import Expectation, Run, Verdict
from crashy.experiment.fields import Fields
from crashy.objects.manifests import Manifests
from crashy.report.results import RunSummary

_NAMES = ("recovers", "never-recovers", "never-detected", "never-ready", "crash-loops")


def _read(fields: Fields, value: Any, path: str, _manifests: Manifests | None) -> str | None:
    return fields.choice(value, path, _NAMES)


def _judge(name: str, wanted: str, run: Run) -> Iterator[Verdict]:
    seen = outcomes(run.summary)
    yield Verdict(name, wanted, ", ".join(seen), wanted in seen)


def outcomes(summary: RunSummary) -> list[str]:
    """Return every outcome that a run had.

    It recovers if all pods are ready at the end and users are answered; where there are no users, every fault must have
    been followed by a recovery.
    """
    recovered = summary.answering and bool(summary.ready) and all(summary.ready.values())
    recovered = recovered and (summary.requests > 0 or all(fault.recovered is not None for fault in summary.faults))
    seen = ["recovers" if recovered else "never-recovers"]
    if summary.faults and all(fault.detected is None for fault in summary.faults):
        seen.append("never-detected")
    if set(summary.ready) - summary.ever_ready:
        seen.append("never-ready")
    if summary.back_off and max(summary.restarts.values(), default=0) >= 2:
        seen.append("crash-loops")
    return seen


EXPECTATION = Expectation(110, {"enum": list(_NAMES)}, "outcome: recovers", _read, _judge)
