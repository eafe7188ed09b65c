"""What a real 1.36.2 did with the lessons (`../shared/kubelet/lessons-1.36`), judged by what they expect today."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from crashy.experiment.expectations import Run, Verdict, judge
from crashy.experiment.read import read_experiment
from crashy.experiment.record import read_record

ROOT = Path(__file__).parents[2]
RECORDINGS = ROOT.parent / "shared" / "kubelet" / "lessons-1.36"
KUBE = "-kube-"
LESSONS = {file.stem: file for file in sorted((ROOT / "experiments").glob("*.yaml"))}
RECORDED = sorted(RECORDINGS.glob(f"*{KUBE}*.jsonl.xz"))
AGAIN = sorted(RECORDINGS.glob(f"new-features/10a-again{KUBE}*.jsonl.xz"))
"""Three more of this lesson, which is a matter of chance."""

pytestmark = pytest.mark.skipif(not RECORDED, reason=f"{RECORDINGS} is missing")


def wrong(recording: Path, lesson: str) -> list[Verdict]:
    """Return which expectations of the lesson don't hold for a recording."""
    experiment = read_experiment(LESSONS[lesson])
    with lzma.open(recording, "rt") as lines:
        record = read_record(lines, str(recording))
    return [one for one in judge(experiment.expect, Run(record.summary(), record.events)) if not one.passed]


@pytest.mark.parametrize("recording", RECORDED, ids=lambda file: file.name.removesuffix(".jsonl.xz"))
def test_a_lesson_holds_on_a_real_cluster(recording: Path) -> None:
    lesson = recording.name.split(KUBE)[0]
    if lesson not in LESSONS:
        pytest.skip(f"there is no lesson {lesson} any more")

    assert wrong(recording, lesson) == []


@pytest.mark.parametrize("recording", AGAIN, ids=lambda file: file.name.removesuffix(".jsonl.xz"))
def test_a_cascade_of_kills_may_burn_out(recording: Path) -> None:
    assert wrong(recording, "10a-liveness-under-load") == []
