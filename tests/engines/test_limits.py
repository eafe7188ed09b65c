"""The experiments of docs/faults.md with memory and CPU under limits: the same in control groups and on sim."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from crashy.experiment.record import read_record
from tests.elsewhere import needs_cgroups

ROOT = Path(__file__).parents[2]
EXPERIMENTS = {
    yaml.safe_load(text)["name"]: text
    for text in re.findall(r"```yaml\n(name: .*?)```", (ROOT / "docs" / "faults.md").read_text(), re.DOTALL)
}
ENDS = {"memory-until-the-oom-kill": [(137, "OOMKilled")], "cpu-under-a-limit": []}


def run(name: str, engine: str, folder: Path) -> list[tuple[int, str]]:
    """Run an experiment, which must pass, and return how its containers' lives ended, in order."""
    file, timeline = folder / f"{name}.yaml", folder / "timeline.jsonl"
    file.write_text(EXPERIMENTS[name])
    command = [sys.executable, "-m", "crashy", "run", "--on", engine, "--quiet", "--timeline", str(timeline), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with timeline.open(encoding="utf-8") as lines:
        events = read_record(lines, str(timeline)).events
    statuses = [container for event in events if event.kind == "pod" for container in event.data["containers"]]
    ends = [(last["exit_code"], last["reason"]) for status in statuses if (last := status["last"])]
    return list(dict.fromkeys(ends))


def test_every_experiment_there_is_run() -> None:
    assert set(EXPERIMENTS) == set(ENDS)


@pytest.mark.parametrize("name", ENDS)
def test_on_sim(name: str, tmp_path: Path) -> None:
    assert run(name, "sim", tmp_path) == ENDS[name]


@needs_cgroups
@pytest.mark.parametrize("name", ENDS)
def test_in_the_lab(name: str, tmp_path: Path) -> None:
    assert run(name, "lab", tmp_path) == ENDS[name]
