"""Which pods of a fleet are chosen: never so many that too few stay ready."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.faults.base import FaultError
from crashy.patient.fleet import MOST_PEERS, Member, Order, choose, read_order

members = st.lists(st.booleans(), max_size=10).map(
    lambda ready: [Member(f"web-{i}", "shop", one) for i, one in enumerate(ready)]
)
orders = st.builds(
    Order,
    st.none() | st.integers(1, 12) | st.frozensets(st.sampled_from([f"web-{i}" for i in range(12)]), min_size=1),
    st.integers(0, 12),
)


@given(members, orders, st.integers(0, 2**32))
def test_keep_ready_holds_and_no_more_are_spared_than_it_takes(fleet: list[Member], order: Order, seed: int) -> None:
    chosen = choose(fleet, order, random.Random(seed))
    left = sum(one.ready for one in fleet if one not in chosen)
    named = order.pods if isinstance(order.pods, frozenset) else None
    wanted = [one for one in fleet if named is None or one.pod in named]
    most = order.pods if isinstance(order.pods, int) else len(wanted)

    assert set(chosen) <= set(wanted)
    assert len(set(chosen)) == len(chosen) <= most
    assert left >= min(order.keep_ready, sum(one.ready for one in fleet))
    if len(chosen) < min(most, len(wanted)):
        assert all(one.ready for one in wanted if one not in chosen), "a pod that isn't ready is never spared"
        assert left <= order.keep_ready or not any(one.ready for one in wanted if one not in chosen)


def test_everybody_is_chosen_sometimes() -> None:
    fleet = [Member(f"web-{i}", "", ready=True) for i in range(4)]
    rng = random.Random(1)

    assert {one for _ in range(100) for one in choose(fleet, Order(2, 1), rng)} == set(fleet)


@pytest.mark.parametrize(
    ("value", "order"),
    [
        ({}, Order(None, 0, 0.0)),
        ({"pods": "all", "keep_ready": 1, "jitter": "5s"}, Order(None, 1, 5.0)),
        ({"pods": 2, "jitter": 0.5}, Order(2, 0, 0.5)),
        ({"pods": ["web-1"]}, Order(frozenset({"web-1"}))),
    ],
)
def test_an_order_is_read(value: dict[str, Any], order: Order) -> None:
    assert read_order(value) == order


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("pods", value) for value in ("some", 0, -1, MOST_PEERS + 1, True, [], ["x"] * 99, [1], ["x" * 254], None)],
        *[("keep_ready", value) for value in (-1, MOST_PEERS + 1, "1", True, 1.5, None)],
        *[("jitter", value) for value in (-1, "soon", "2d", True, [], None, float("inf"))],
    ],
)
def test_a_wrong_order_is_refused_by_its_field(field: str, value: Any) -> None:
    with pytest.raises(FaultError) as caught:
        read_order({field: value})

    assert caught.value.field == field
