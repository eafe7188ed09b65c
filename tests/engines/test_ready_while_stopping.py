"""A rollout goes on with a container that is ready while it is killed (kubernetes#123027), on sim and in the lab.

What `check` says of its new version is what happens. `tests/kube` has the same on a cluster.
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
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


@pytest.mark.parametrize("version", ["1.20", "1.32", "1.36"])
def test_a_rollout_goes_on_with_a_container_that_is_killed(version: str, tmp_path: Path) -> None:
    as_predicted(run("sim", version, tmp_path))


@pytest.mark.slow
def test_so_it_does_in_the_lab(tmp_path: Path) -> None:
    def events(version: str) -> list[Event]:
        (folder := tmp_path / version).mkdir()
        return run("lab", version, folder)

    with ThreadPoolExecutor() as pool:
        for seen in pool.map(events, ["1.20", "1.36"]):
            as_predicted(seen)


def as_predicted(events: list[Event]) -> None:
    """Hold what happened to what `check` says of the new version."""
    step: dict[str, Any] = yaml.safe_load(FILE.read_text())["steps"][0]
    (target,) = targets(*step["apply"])
    start = numbers(target).start
    assert start.in_vain
    assert start.ready is not None
    assert start.ended is not None

    killed = next(event for event in events if event.reason == "Killing")
    mine = [event for event in events if event.object == killed.object]
    began = next(event.t for event in mine if event.kind == "process" and event.reason == "Started")
    ready = next(event.t for event in mine if event.kind == "pod" and event.data["ready"])
    removed = next(event.t for event in events if event.reason == "SuccessfulDelete")
    ended = next(event.t for event in mine if event.kind == "process" and event.reason == "Exited")

    assert killed.t < ready <= removed < ended
    assert start.ready.best <= ready - began <= start.ready.worst + LATE
    assert start.ended.best <= ended - began <= start.ended.worst + LATE
