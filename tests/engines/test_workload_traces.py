"""What a real 1.36.2 did with workloads, the sim does in virtual time: each scenario of workload_traces.txt.

Objects have the same events in the same order, the same statuses and counts, and delays within half a second. The
phases of the probes' and of the kubelet's grids are drawn, so the same scenario runs several times until a run agrees.
"""

from __future__ import annotations

import pytest

from tests.engines.recordings import FOLDER, differences, listed, recordings
from tests.engines.replay import documents_of, kinds_of, replay

RUNS = 60
APPLIED = [name for name, reason in listed().items() if not reason]
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"needs the recordings in {FOLDER}")


def cases() -> list[object]:
    found = [(name, number) for name in APPLIED for number in range(len(list(FOLDER.glob(f"{name}-[0-9].jsonl"))) or 1)]
    return [pytest.param(*one, id=f"{one[0]}-{one[1] + 1}", marks=pytest.mark.workload(one[0])) for one in found]


@pytest.mark.parametrize(("name", "number"), cases())
def test_the_same_reasons_statuses_and_counts_at_the_same_times(name: str, number: int) -> None:
    every = recordings(name, kinds_of(documents_of(name)))
    closest: list[str] | None = None
    for seed in range(RUNS):
        found = list(differences(replay(name, every[number], seed), every[number], every))
        closest = found if closest is None or len(found) < len(closest) else closest
        if not closest:
            break

    assert closest == []


def test_every_scenario_is_applied_or_set_aside_with_its_reason() -> None:
    assert set(listed()) == {path.stem for path in FOLDER.glob("*.yaml")}
