"""A rollout goes on with a container that is ready while it is killed (kubernetes#123027), on sim and in the lab.

What `check` says of its new version is what happens. `tests/kube` has the same on a cluster.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from crashy.check.numbers import numbers
from crashy.experiment.record import read_record
from crashy.timeline import Event
from tests.check.targets import targets
from tests.kube.test_workloads import FOLDER

FILE = FOLDER / "ready-while-stopping.yaml"
LATE = 1.5  # seconds that a start may take before the app's own time begins


def run(engine: str, version: str, folder: Path) -> list[Event]:
    """Run the experiment, which must be as it expects, and return what happened."""
    timeline = folder / "timeline.jsonl"
    command = ["run", str(FILE), "--on", engine, "--kubernetes", version, "--timeline", str(timeline), "--quiet"]
    ended = subprocess.run([sys.executable, "-m", "crashy", *command], capture_output=True, check=False, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    with timeline.open(encoding="utf-8") as lines:
        return list(read_record(lines, str(timeline)).events)


@pytest.mark.parametrize(
    ("engine", "version"),
    [
        *(("sim", version) for version in ("1.20", "1.32", "1.36")),
        *(pytest.param("lab", version, marks=pytest.mark.slow) for version in ("1.20", "1.36")),
    ],
)
def test_a_rollout_goes_on_with_a_container_that_is_killed(engine: str, version: str, tmp_path: Path) -> None:
    step: dict[str, Any] = yaml.safe_load(FILE.read_text())["steps"][0]
    (target,) = targets(*step["apply"])
    start = numbers(target).start
    assert start.in_vain
    assert start.ready is not None
    assert start.ended is not None

    events = run(engine, version, tmp_path)
    killed = next(event for event in events if event.reason == "Killing")
    mine = [event for event in events if event.object == killed.object]
    began = next(event.t for event in mine if event.kind == "process" and event.reason == "Started")
    ready = next(event.t for event in mine if event.kind == "pod" and event.data["ready"])
    removed = next(event.t for event in events if event.reason == "SuccessfulDelete")
    ended = next(event.t for event in mine if event.kind == "process" and event.reason == "Exited")

    assert killed.t < ready <= removed < ended
    assert start.ready.best <= ready - began <= start.ready.worst + LATE
    assert start.ended.best <= ended - began <= start.ended.worst + LATE
