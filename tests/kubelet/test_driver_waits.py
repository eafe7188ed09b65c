"""The table's waits in the driver: `test_backoff_waits` has them for the table alone.

The pods are synced exactly when they may start: at their window's end, or when the housekeeping has collected it.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from crashy.kubelet.versions import NEWEST, Requeue
from tests.kubelet.cases import case
from tests.kubelet.scripted import Life
from tests.kubelet.simulation import Run, simulate

IDEAL = replace(NEWEST, relist_seconds=0.0, requeue=Requeue.EXACT)


def waits(run: Run) -> list[float]:
    return [round(start - end, 3) for end, start in zip(run.exited(), run.started()[1:], strict=False)]


@pytest.mark.parametrize(
    ("life", "expected"),
    [
        case("restart-wait.self-exit.run0", 0, [0, 10, 20, 40, 80, 160, 300, 300, 300, 300]),
        case("restart-wait.self-exit.run30", 30, [0, 10, 20, 40, 80, 160, 300, 300, 300, 300]),
        case("restart-wait.self-exit.run330-gc", 330, [0, 10, 20, 40, 80, 160, 272, 10, 20]),
        case("restart-wait.self-exit.run601", 601, [0] * 10),
    ],
)
def test_waits_of_a_process_that_ends_by_itself(life: int, expected: list[float]) -> None:
    spec = {"containers": [{"name": "app", "image": "app"}]}
    seconds = (life + 1) * (len(expected) + 1) + sum(expected)
    run = simulate(spec, lambda *_: Life(start_seconds=0, exits_at=life, exit_code=1), seconds, profile=IDEAL)

    assert waits(run)[: len(expected)] == expected
