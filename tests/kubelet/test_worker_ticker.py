"""When a worker looks. kubelet: pkg/kubelet/prober/worker.go run; Go's time.Ticker."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.kubelet.versions import NEWEST, PROFILES, Profile
from crashy.kubelet.worker import Ticker, start_delay
from tests.kubelet.cases import Expect, Means, case


def looks(
    period: float,
    durations: Iterator[float] | list[float],
    count: int,
    triggers: list[float] | None = None,
    profile: Profile = NEWEST,
    start: float = 0.0,
) -> list[float]:
    """The times at which a worker looks that started at `start`, if its looks take so long."""
    waiting = sorted(triggers or [])
    taken = iter(durations)
    ticker = Ticker(period, start, profile)
    now, times = start, []
    while len(times) < count:
        times.append(now)
        now += next(taken, 0.0)
        while waiting and waiting[0] <= max(now, ticker.due):
            now = max(now, waiting.pop(0))
            ticker.trigger()
        now = max(now, ticker.due)
        ticker.take(now)
    return times


@pytest.mark.parametrize(
    ("origin", "period", "durations", "expected"),
    [
        case("run.first-step-immediate", "worker.go run: the first look is immediate", 10, [], [0, 10, 20, 30]),
        case(
            "run.slow-probe-back-to-back", "a missed tick is kept, others are dropped", 2, [5, 5, 5, 5], [0, 5, 10, 15]
        ),
        case("run.slow-probe-grid-kept", "the grid stays anchored", 10, [13, 0, 0], [0, 13, 20, 30]),
        ("only one missed tick is kept", 10, [35, 0, 0], [0, 35, 40, 50]),
        ("a look as long as the period", 10, [10, 10, 10], [0, 10, 20, 30]),
        ("a kept tick's look may miss the next one", 10, [13, 8, 0], [0, 13, 21, 30]),
    ],
)
def test_ticks(origin: str, period: float, durations: list[float], expected: list[float], expect: Expect) -> None:
    times = looks(period, durations, len(expected))
    assert times == expected, origin
    expect(first_step_at=times[0], then_every_s=times[2] - times[1], step_start_times=times)


def test_the_grid_begins_where_the_worker_does() -> None:
    assert looks(10, [], 3, start=3.5) == [3.5, 13.5, 23.5]


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        case("run.manual-trigger-resets-ticker", "1.36", [0, 10, 13, 23, 33]),
        case("run.manual-trigger-resets-ticker", "1.20", [0, 10, 13, 20, 30]),
    ],
)
def test_a_trigger_moves_the_grid_but_not_on_old_kubelets(version: str, expected: list[float], expect: Expect) -> None:
    """kubelet: prober/worker.go run: up to about 1.28 the ticker was not reset."""
    times = looks(10, [], 5, [13.0], PROFILES[version])
    assert times == expected
    if version == NEWEST.version:
        expect(step_times=times)


@pytest.mark.case("run.manual-trigger-nonblocking")
def test_a_trigger_that_waits_is_not_doubled(expect: Expect) -> None:
    """kubelet: prober/prober_manager.go UpdatePodStatus: a channel of one, and a send that does not block."""
    ticker = Ticker(10, 0.0)
    taken = [ticker.trigger(), ticker.trigger()]
    assert taken == [True, False]
    expect(dropped=not taken[1], channel_capacity=sum(taken))
    assert ticker.due == -math.inf
    ticker.take(3.0)
    assert ticker.due == 13.0
    assert ticker.trigger()


def test_a_trigger_during_a_look_is_taken_right_after_it() -> None:
    assert looks(10, [4, 0, 0], 3, [2.0]) == [0, 4, 14]


@given(
    period=st.integers(1, 60),
    start=st.floats(0, 1e6),
    busy=st.lists(st.floats(0, 200), min_size=1, max_size=20),
)
def test_looks_never_overlap_and_stand_on_the_grid_unless_late(period: int, start: float, busy: list[float]) -> None:
    times = looks(period, busy, len(busy) + 1, start=start)
    for before, took, after in zip(times, busy, times[1:], strict=False):
        assert after >= before + took
        late = after == before + took
        on_grid = abs((after - start) / period - round((after - start) / period)) < 1e-6
        assert late or on_grid
        assert after - before <= max(period, took) + 1e-6


@given(period=st.integers(1, 1000), start=st.floats(0, 1e9), early=st.floats(0, 1e-9))
def test_a_timer_that_fires_a_hair_early_does_not_double_a_tick(period: int, start: float, early: float) -> None:
    ticker = Ticker(period, start)
    due = ticker.due
    ticker.take(due - early)
    assert ticker.due >= due + period * 0.999


@pytest.mark.parametrize(
    ("version", "period", "uptime", "jitters"),
    [
        case("run.first-step-immediate", "1.36", 10, 3600, False),
        case("run.jitter-after-agent-restart", "1.36", 10, 2, True),
        ("1.36", 10, 9.999, True),
        ("1.36", 10, 10, False),
        ("1.20", 10, 3600, True),
        ("1.20", 10, 2, True),
    ],
)
def test_a_worker_waits_first_only_near_the_kubelets_own_start(
    version: str, period: float, uptime: float, jitters: bool, expect: Expect
) -> None:
    """kubelet: prober/worker.go run; on 1.20.2 every worker's phase is random."""
    drawn = {start_delay(period, uptime, random.Random(seed), PROFILES[version]) for seed in range(200)}
    if jitters:
        assert 0 <= min(drawn) < 0.1 * period
        assert 0.9 * period < max(drawn) < period
        expect(first_step_at=Means("uniform in [0,10)", max(drawn) < 10))
    else:
        assert drawn == {0.0}
        expect(first_step_at=max(drawn))
