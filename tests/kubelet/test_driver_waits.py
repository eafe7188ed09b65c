"""The table's waits in the driver: `test_backoff_waits` has them for the table alone.

The pods are synced exactly when they may start: at their window's end, or when the housekeeping has collected it.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from crashy.kubelet.versions import NEWEST, Requeue
from tests.kubelet.cases import Expect, case
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
def test_waits_of_a_process_that_ends_by_itself(life: int, expected: list[float], expect: Expect) -> None:
    spec = {"containers": [{"name": "app", "image": "app"}]}
    seconds = (life + 1) * (len(expected) + 1) + sum(expected)
    run = simulate(spec, lambda *_: Life(start_seconds=0, exits_at=life, exit_code=1), seconds, profile=IDEAL)

    found = waits(run)[: len(expected)]
    assert found == expected
    expect(wait_before_restart_s=found)


@pytest.mark.case("dobackoff.in-window", "dobackoff.message")
def test_a_container_in_back_off_waits_with_this_reason(expect: Expect) -> None:
    """kubelet: kuberuntime_manager.go doBackOff: its error is the reason of the container's state."""
    spec = {"containers": [{"name": "app", "image": "app"}]}
    run = simulate(spec, lambda *_: Life(start_seconds=0, exits_at=5, exit_code=1), 60)
    waiting = [status.containers[0].reason for _, status in run.statuses if status.containers[0].state == "waiting"]

    assert waiting[-1] == "CrashLoopBackOff"
    expect(error=waiting[-1], waiting_reason=waiting[-1])
