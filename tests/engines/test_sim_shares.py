"""What CPU the kernel leaves to a modelled app: numbers that were measured, and laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.engines.sim.shares import PERIOD, delay, program_work, share_left

LIMITS = st.integers(1, 4000).map(lambda millicores: millicores / 1000)
LOADS = st.lists(st.integers(1, 100).map(lambda percent: percent / 100), max_size=8)


@pytest.mark.parametrize(
    ("limit", "loads", "share"),
    [
        (None, [1.0] * 100, 1),
        (2.0, [1.0], 1),
        (1.0, [], 1),
        (0.5, [], 0.5),
        (0.5, [1.0], 0.25),
        (0.1, [1.0, 1.0], 0.1 / 3),
        (0.5, [0.1], 0.4),  # what one doesn't want goes to the other
        (1.5, [0.2, 1.0], 0.65),
        (1.5, [0.2, 0.2], 1),
    ],
)
def test_the_limit_is_shared_fairly(limit: float | None, loads: list[float], share: float) -> None:
    assert share_left(limit, loads) == pytest.approx(share)


@pytest.mark.parametrize(
    ("loads", "seconds"),
    # seen in a control group of 100m, for Python that imports an HTTP client: 0.44 to 0.67 s; 0.97 s and more
    [([], (0.3, 0.7)), ([1.0, 1.0], (0.95, 2.0))],
)
def test_a_program_takes_as_long_as_it_was_seen_to_take(loads: list[float], seconds: tuple[float, float]) -> None:
    assert seconds[0] <= delay(program_work("/usr/bin/python3"), 0.1, loads) <= seconds[1]


@given(LIMITS, LOADS)
def test_a_share_is_at_least_the_equal_one_and_at_most_what_the_limit_and_a_core_allow(
    limit: float, loads: list[float]
) -> None:
    share = share_left(limit, loads)

    assert min(1.0, limit / (len(loads) + 1)) <= share + 1e-9
    assert share <= min(1.0, limit) + 1e-9
    assert share == 1.0 or share + sum(min(load, share) for load in loads) <= limit + 1e-9


@given(LIMITS, LOADS, st.integers(1, 100).map(lambda percent: percent / 100), LIMITS)
def test_another_load_leaves_no_more_and_a_higher_limit_no_less(
    limit: float, loads: list[float], load: float, more: float
) -> None:
    share = share_left(limit, loads)

    assert share_left(limit, [*loads, load]) <= share + 1e-9
    assert share_left(limit + more, loads) >= share - 1e-9


@given(st.floats(0.0001, 10), LIMITS, LOADS)
def test_work_takes_no_less_than_its_cpu_time_and_none_where_nothing_slows_it_down(
    work: float, limit: float, loads: list[float]
) -> None:
    seconds = delay(work, limit, loads)

    assert seconds == 0 or seconds >= work
    assert delay(work, None, loads) == 0
    if share_left(limit, loads) == 1 or (not loads and work <= limit * PERIOD):
        assert seconds == 0
