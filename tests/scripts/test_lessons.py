"""What `make lessons` says of a lesson that ran on two engines."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from crashy.experiment.read import read_experiment
from tests.report.test_parity import HEALED, later

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
from lessons import parity  # noqa: E402 - a script is no package's

LESSON = read_experiment(ROOT / "experiments/07-freeze-with-both.yaml")
LATE = later(HEALED, 0.4, since=9)


def test_runs_that_agree_are_reported_with_what_they_are_apart() -> None:
    same, line = parity(LESSON, HEALED, later(HEALED, 0.2, since=9))

    assert same
    assert line == "as the lab; at most 0.20s apart"


def test_a_difference_is_reported_with_both_sides() -> None:
    same, line = parity(LESSON, HEALED, LATE)

    assert not same
    assert line.startswith("times pod/a web: lab Killing 9.00s, not Killing 9.40s")


@pytest.mark.parametrize(("engine", "same"), [("sim", True), ("kube", False)])
def test_what_the_lesson_says_may_differ_for_that_engine(engine: str, same: bool) -> None:
    why = "it starts slowly"
    lesson = replace(LESSON, differs={engine: {"times": why, "recover": why}})

    agree, line = parity(lesson, HEALED, LATE)

    assert agree is same
    assert (why in line) is same


def test_the_users_luck_is_no_difference() -> None:
    spared = [e._replace(data={**e.data, "ok": True, "status": 200}) if e.kind == "request" else e for e in HEALED]

    assert parity(LESSON, HEALED, spared)[0]
