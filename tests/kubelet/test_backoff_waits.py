"""What the table comes to, restart after restart, if each pod is synced exactly when its window ends.

Derived from kubelet: kuberuntime_manager.go SyncPod and doBackOff, client-go: util/flowcontrol/backoff.go.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from crashy.kubelet.backoff import GC_SECONDS, Backoff, crash_loop_backoff
from tests.kubelet.cases import Expect, case


class Node:
    """A clock, a table of waits, and the housekeeping that collects it every two seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self.backoff: Backoff = crash_loop_backoff()
        self._collected = 0

    def advance(self, until: float) -> None:
        while (due := (self._collected + 1) * GC_SECONDS) <= until:
            self._collected += 1
            self.backoff.gc(due)
        self.now = until

    def start(self, finished: float | None) -> None:
        """Wait as long as the table says, looking again whenever it may say something else."""
        while loop := self.backoff.do_backoff(self.now, "key", finished):
            forgotten = math.inf if self.backoff.get("key") == 0 else self.now + GC_SECONDS
            self.advance(min(loop.until, forgotten))


def self_exits(life: float, restarts: int) -> list[float]:
    node, waits = Node(), []
    for _ in range(restarts):
        node.advance(node.now + life)
        ended = node.now
        node.start(ended)
        waits.append(node.now - ended)
    return waits


def probe_kills(life: float, restarts: int) -> list[float]:
    """The sync that kills has read its records before: there, the newest exited one is the life before this one's."""
    node, waits = Node(), []
    previous: float | None = None
    for _ in range(restarts):
        node.advance(node.now + life)
        ended = node.now
        if node.backoff.do_backoff(node.now, "key", previous):
            node.start(ended)
        waits.append(node.now - ended)
        previous = ended
    return waits


CAP = [300, 0, 300, 0, 300]


@pytest.mark.parametrize(
    ("lives", "life", "waits"),
    [
        case("restart-wait.self-exit.run0", self_exits, 0, [0, 10, 20, 40, 80, 160, 300, 300, 300, 300]),
        (self_exits, 5, [0, 10, 20, 40, 80, 160, 300]),
        case("restart-wait.self-exit.run30", self_exits, 30, [0, 10, 20, 40, 80, 160, 300, 300, 300, 300]),
        # collected at the first housekeeping later than 600 s after the last start, here 2 s on: the table is forgotten
        (self_exits, 330, [0, 10, 20, 40, 80, 160, 272, 10, 20]),
        case("restart-wait.self-exit.run601", self_exits, 601, [0] * 10),
        (probe_kills, 6, [0, 0, 10, 20, 40, 80, 160, 300]),
        case("restart-wait.probe-kill.life12", probe_kills, 12, [0, 0, 0, 20, 40, 80, 160, *CAP]),
        case("restart-wait.probe-kill.life35", probe_kills, 35, [0, 0, 0, 0, 40, 80, 160, *CAP]),
        case("restart-wait.probe-kill.life60", probe_kills, 60, [0, 0, 0, 0, 0, 80, 160, *CAP]),
        case("restart-wait.probe-kill.life90", probe_kills, 90, [0, 0, 0, 0, 0, 0, 160, *CAP]),
        case("restart-wait.probe-kill.life200", probe_kills, 200, [0, 0, 0, 0, 0, 0, 0, *CAP]),
        (probe_kills, 300, [0] * 12),
    ],
)
def test_waits(lives: Callable[[float, int], list[float]], life: float, waits: list[float], expect: Expect) -> None:
    found = lives(life, len(waits))
    assert found == pytest.approx(waits)
    expect(wait_before_restart_s=found)


@pytest.mark.case("timeline.crash-loop-5s")
def test_crash_loop_timeline() -> None:
    """A process that exits 5 s after each start."""
    node, starts = Node(), [0.0]
    for _ in range(7):
        node.advance(node.now + 5)
        node.start(node.now)
        starts.append(node.now)
    assert starts == [0, 5, 20, 45, 90, 175, 340, 645]
