"""The tables of docs/your-app.md, made of runs. `python -m tests.your_app` runs the apps and writes them.

A table has a row for each step of an app's experiments: what users felt, who noticed, what was restarted, until the
next step; as the app was found, and as it was mended.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from crashy.experiment.model import Experiment, Inject, Step
from crashy.experiment.read import read_experiment
from crashy.timeline import Event, kinds
from tests.docs_tables import ROOT, replaced, table
from tests.side_by_side import Ran, run_all

PAGE = ROOT / "docs/your-app.md"
APPS = {path.name: path for path in sorted((ROOT / "docs/your-app").iterdir())}
PROGRAMS = {"flask": "gunicorn", "nginx": "nginx", "node": "node"}
HEAD = ("the fault", "users' errors", "noticed by", "restarts", "mended: users' errors", "noticed by", "restarts")
NOBODY = "nobody"
_PROBES = ("Readiness", "Liveness")
_STARTING = "connection refused"  # what a probe says of an app that is not up yet

Row = tuple[str, ...]


def experiments(app: str) -> tuple[Path, Path]:
    """Return an app's experiments: as it was found, and as it was mended."""
    return APPS[app] / "experiment.yaml", APPS[app] / "experiment-mended.yaml"


def run_apps(apps: Sequence[str], timelines: Path) -> dict[Path, Ran]:
    """Run the experiments of apps in the lab, all at once."""
    return run_all({file: (file, "lab") for app in apps for file in experiments(app)}, timelines=timelines)


def rows(app: str, ran: dict[Path, Ran]) -> list[Row]:
    """Return the table of an app."""
    found, mended = (_felt(read_experiment(file), ran[file].events) for file in experiments(app))
    return [(fault, *one, *other) for (fault, *one), (_, *other) in zip(found, mended, strict=True)]


def _felt(experiment: Experiment, events: Sequence[Event]) -> list[Row]:
    begun = next(event.t for event, _ in kinds.EXPERIMENT.read(events))
    ends = [*(step.at for step in experiment.steps[1:]), experiment.duration]
    return [
        (_fault(step), *_between(events, begun + step.at, begun + end, crash="crash" in step.text))
        for step, end in zip(experiment.steps, ends, strict=True)
    ]


def _fault(step: Step) -> str:
    assert isinstance(step.action, Inject)
    assert step.target
    return f"`{step.action.spec}`" + (", all pods" if step.target.text == "all" else "")


def _between(events: Sequence[Event], start: float, end: float, *, crash: bool) -> Row:
    answers = [data["ok"] for _, data in kinds.REQUEST.read(events) if start <= data["sent"] < end]
    messages = [event.message for event, _ in kinds.EVENT.read(events) if start <= event.t < end]
    failed = [text for text in messages if _STARTING not in text]
    noticed = [probe.lower() for probe in _PROBES if any(f"{probe} probe failed" in text for text in failed)]
    restarts = _restarts(events, end) - _restarts(events, start)
    noticed += [
        event.message for event, _ in kinds.STEP.read(events) if event.reason != "Performed" and start <= event.t < end
    ]
    if crash and restarts:
        noticed = ["the kubelet"]  # whatever probes have found in the meantime
    return f"{answers.count(False)} of {len(answers)}", ", ".join(noticed) or NOBODY, str(restarts)


def _restarts(events: Sequence[Event], until: float) -> int:
    counts = {event.object: data["restarts"] for event, data in kinds.POD.read(e for e in events if e.t < until)}
    return sum(counts.values())


def filled(page: str, ran: dict[Path, Ran], apps: Sequence[str]) -> str:
    """Return the page with the tables of apps as their runs make them."""
    return replaced(page, {app: table(HEAD, rows(app, ran)) for app in apps}, PAGE.name)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        PAGE.write_text(filled(PAGE.read_text(), run_apps([*APPS], Path(folder)), [*APPS]))
