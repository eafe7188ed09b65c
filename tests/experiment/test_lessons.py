"""The lessons: each is valid, and passes on sim where it can be modelled. `make lessons` runs them in the lab too."""

from __future__ import annotations

from pathlib import Path

import jsonschema_rs
import pytest

from crashy import cli
from crashy.experiment.read import read_experiment
from crashy.experiment.schema import SCHEMA
from crashy.manifest.parse import parse_values

LESSONS = sorted((Path(__file__).parent.parent.parent / "experiments").glob("*.yaml"))
MODELLED = [file for file in LESSONS if "sim" in read_experiment(file).engines]


@pytest.mark.parametrize("file", LESSONS, ids=lambda file: file.stem)
def test_a_lesson_says_what_it_teaches_and_what_is_to_be_seen(file: Path) -> None:
    lesson = read_experiment(file)
    (raw,), _ = parse_values(file.read_bytes(), file.name)

    jsonschema_rs.validator_for(SCHEMA).validate(raw)
    assert lesson.name == file.stem
    assert len(lesson.lesson.split()) >= 10
    assert "expect" in lesson.raw
    assert not lesson.manifests.warnings


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("file", MODELLED, ids=lambda file: file.stem)
def test_a_lesson_passes_on_sim(file: Path, seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["run", str(file), "--on", "sim", "--seed", str(seed), "--quiet"])

    assert code == 0, capsys.readouterr().out
