"""Where `make parity` runs a lesson on a machine that lacks what it needs."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from crashy.experiment.model import Experiment
from crashy.experiment.read import read_experiment

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import parity  # noqa: E402 - a script is no package's


@pytest.mark.parametrize(
    ("lesson", "engines", "said"),
    [
        ("11a-redis-liveness", ["kube"], "skip  11a-redis-liveness in the lab: not on this machine: redis-server"),
        ("05-crash-behind-a-service", ["lab", "sim", "kube"], ""),
    ],
)
def test_a_missing_program_is_no_difference_of_the_engines(
    lesson: str,
    engines: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = []

    async def run(_experiment: Experiment, engine: str, _number: int, _plan: parity.Plan) -> None:
        asked.append(engine)

    monkeypatch.setattr(parity, "run", run)
    monkeypatch.setenv("PATH", str(tmp_path))  # a machine without any program
    plan = parity.Plan(1, tmp_path, {"lab": [], "sim": [], "kube": []}, no_dns=False)
    experiment = read_experiment(ROOT / "experiments" / f"{lesson}.yaml")

    asyncio.run(parity.lesson(experiment, plan, asyncio.Semaphore(1)))

    assert asked == engines
    assert said in capsys.readouterr().err
