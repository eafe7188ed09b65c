"""Outages out of samples."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.traffic.outages import Outage, availability, outages
from crashy.traffic.samples import Sample


def samples(pattern: str) -> list[Sample]:
    """One sample a second: `.` answered, `x` failed."""
    return [
        Sample(float(i), 0.01, 0.0, 200 if c == "." else 0, "", "" if c == "." else "timeout")
        for i, c in enumerate(pattern)
    ]


@pytest.mark.parametrize(
    ("pattern", "successes", "found"),
    [
        ("....", 1, []),
        ("..xx..", 1, [Outage(2, 4, 2)]),
        ("x.x.", 1, [Outage(0, 1, 1), Outage(2, 3, 1)]),
        ("x.x...", 2, [Outage(0, 3, 2)]),
        ("..xx", 1, [Outage(2, 3, 2)]),
        ("", 1, []),
    ],
)
def test_an_outage_lasts_to_the_success_that_ends_it(pattern: str, successes: int, found: list[Outage]) -> None:
    assert outages(samples(pattern), successes) == found


@given(st.text("x.", max_size=60), st.integers(1, 4))
def test_every_failure_is_in_exactly_one_outage(pattern: str, successes: int) -> None:
    found = outages(samples(pattern), successes)

    assert sum(o.requests for o in found) == pattern.count("x")
    assert all(a.end <= b.start for a, b in pairwise(found))


@pytest.mark.parametrize(("pattern", "share"), [("", 1.0), ("..", 1.0), (".x", 0.5), ("xx", 0.0)])
def test_availability_is_the_share_answered_rightly(pattern: str, share: float) -> None:
    assert availability(samples(pattern)) == share
