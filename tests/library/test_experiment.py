"""An experiment as an object."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from crashy import load_experiment

ROOT = Path(__file__).parents[2]
FREEZE = ROOT / "experiments" / "07-freeze-with-both.yaml"
SHORT = """
name: short
lesson: It is ready soon.
manifests:
  - apiVersion: v1
    kind: Pod
    metadata: {name: web}
    spec: {containers: [{name: web, image: crashy-app}]}
duration: 1s
expect: {restarts: {web: "== 0"}, outcome: recovers}
"""


def test_it_is_read_and_runs_with_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FREEZE.parent)
    experiment = load_experiment(FREEZE.name)
    monkeypatch.chdir("/")

    result = experiment.run(seed=1)

    assert (experiment.name, experiment.engines) == ("07-freeze-with-both", ("lab", "sim", "kube"))
    assert experiment.lesson.startswith("The same with a liveness probe too")
    assert (result.name, result.passed, result.unmet) == (experiment.name, True, ())
    assert [event.object for event in result.timeline if event.reason == "Begun"] == ["experiment/07-freeze-with-both"]
    assert any(event.kind == "request" for event in result.timeline)
    assert result.timeline == experiment.run(seed=1).timeline != experiment.run(seed=2).timeline


def test_what_was_not_met_is_reported_in_lines(tmp_path: Path) -> None:
    file = tmp_path / "hasty.yaml"
    file.write_text(FREEZE.read_text().replace("recovered_within: 14s", "recovered_within: 2s"))

    result = load_experiment(file).run(seed=1)

    assert not result.passed
    assert result.unmet == ("recovered_within: wanted 2s, seen 6.49s",)
    assert "FAIL   recovered_within    2s " in str(result)


async def test_it_runs_in_the_lab_and_beside_an_event_loop(tmp_path: Path) -> None:
    file = tmp_path / "short.yaml"
    file.write_text(SHORT)

    result = await asyncio.to_thread(load_experiment(file).run, on="lab")

    assert result.passed, result.unmet
    assert result.report.startswith("short, on lab\n")


def test_mistakes_are_reported(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("name: Bad\n")
    with pytest.raises(
        ValueError, match=r"bad\.yaml:1:1: manifests: is missing(.|\n)*bad\.yaml:1:1: name: 'Bad': must"
    ):
        load_experiment(tmp_path / "bad.yaml")
    with pytest.raises(ValueError, match="does not run on sim: sim models the patient"):
        load_experiment(ROOT / "experiments" / "16-two-containers.yaml").run(on="sim")
