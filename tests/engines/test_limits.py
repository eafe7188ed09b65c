"""The experiments of docs/faults.md with memory and CPU under limits: the same in control groups and on sim."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest
import yaml

from crashy.experiment.record import read_record
from crashy.timeline import Event
from tests.elsewhere import needs_cgroups

ROOT = Path(__file__).parents[2]
EXPERIMENTS = {
    yaml.safe_load(text)["name"]: text
    for text in re.findall(r"```yaml\n(name: .*?)```", (ROOT / "docs" / "faults.md").read_text(), re.DOTALL)
}
MEMORY, CPU = "memory-until-the-oom-kill", "cpu-under-a-limit"
TIMEOUT = 1.0  # seconds: a probe that times out has taken so long


def run(name: str, engine: str, folder: Path) -> tuple[int, list[Event]]:
    """Run an experiment and return its verdict, 0 if it has passed, and its timeline."""
    file, timeline = folder / f"{name}.yaml", folder / "timeline.jsonl"
    file.write_text(EXPERIMENTS[name])
    command = [sys.executable, "-m", "crashy", "run", "--on", engine, "--quiet", "--timeline", str(timeline), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    with timeline.open(encoding="utf-8") as lines:
        return done.returncode, list(read_record(lines, str(timeline)).events)


def ends(events: list[Event]) -> list[tuple[int, str]]:
    """Return how the containers' lives ended, in order."""
    statuses = [container for event in events if event.kind == "pod" for container in event.data["containers"]]
    return list(dict.fromkeys((last["exit_code"], last["reason"]) for one in statuses if (last := one["last"])))


def readiness(events: list[Event], since: float, until: float) -> float:
    """Return the seconds that a readiness probe took, the middle of those that ended in that time."""
    found = [event for event in events if event.kind == "probe" and event.reason == "readiness"]
    return median(event.data["seconds"] for event in found if since < event.t < until)


def test_every_experiment_there_is_run() -> None:
    assert set(EXPERIMENTS) == {MEMORY, CPU}


@pytest.mark.parametrize("engine", ["sim", pytest.param("lab", marks=[needs_cgroups, pytest.mark.slow])])
def test_memory_that_reaches_the_limit_is_an_oom_kill(engine: str, tmp_path: Path) -> None:
    verdict, events = run(MEMORY, engine, tmp_path)

    assert (verdict, ends(events)) == (0, [(137, "OOMKilled")])


def test_on_sim_a_probe_that_starts_a_program_times_out(tmp_path: Path) -> None:
    verdict, events = run(CPU, "sim", tmp_path)

    assert (verdict, ends(events)) == (0, [])


@pytest.mark.slow
@needs_cgroups
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_in_the_lab_such_a_probe_takes_longer_while_others_burn_the_limit(tmp_path: Path) -> None:
    """Whether it takes longer than its timeout is also this machine's affair."""
    _, events = run(CPU, "lab", tmp_path)

    before, meanwhile = readiness(events, 0, 10), readiness(events, 12, 30)
    assert meanwhile > min(1.5 * before, TIMEOUT)
