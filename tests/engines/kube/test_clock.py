"""The cluster's clock against ours: an offset from whole seconds, and events where they belong."""

from __future__ import annotations

import asyncio
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.clock import VirtualLoop
from crashy.engines.kube.clock import ClusterClock, measure, seconds

EPOCH = seconds("2026-11-21T13:00:00Z")


@given(ahead=st.floats(-3600, 3600), journey=st.floats(0.0001, 0.2))
def test_the_offset_is_found_to_within_its_error(ahead: float, journey: float) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()

        def theirs() -> float:
            return EPOCH + ahead + loop.time() - began

        async def date() -> str:
            await asyncio.sleep(journey / 2)
            reported = formatdate(int(theirs()), usegmt=True)
            await asyncio.sleep(journey / 2)
            return reported

        clock = await measure(date, loop.time)
        assert abs(theirs() + clock.offset - loop.time()) <= clock.error + 1e-6
        assert clock.error <= journey + 0.02

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(run())


def test_a_clock_that_stands_still_is_guessed() -> None:
    async def run() -> None:
        async def date() -> str:
            return formatdate(EPOCH, usegmt=True)

        loop = asyncio.get_running_loop()
        began = loop.time()
        clock = await measure(date, loop.time)
        assert clock == ClusterClock(began - EPOCH - 0.5, 0.5)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(run())


STAMP, FINE = "2026-11-21T13:00:10Z", "2026-11-21T13:00:10.400000Z"


@pytest.mark.parametrize(
    ("stamp", "arrival", "reported", "why"),
    [
        (STAMP, 110.02, 110.02, "in its own second: the arrival is sharper"),
        (STAMP, 110.98, 110.98, "in its own second"),
        (STAMP, 111.2, 111.2, "a moment after its second: it was delayed"),
        (STAMP, 113.0, 110.5, "long after: the middle of its second"),
        (STAMP, 109.5, 109.5, "before its second: their clock is wrong, we have heard of it already"),
        (FINE, 110.5, 110.5, "delayed"),
        (FINE, 115.0, 110.4, "late, and it says when"),
        ("", 105.0, 105.0, "no time at all"),
    ],
)
def test_an_event_is_reported_when_it_happened(stamp: str, arrival: float, reported: float, why: str) -> None:
    clock = ClusterClock(offset=100.0 - EPOCH, error=0.01)  # 13:00:00 is 100 s of the loop

    assert clock.when(stamp, arrival) == pytest.approx(reported, abs=1e-5), why


def test_timestamps_of_both_forms_are_read() -> None:
    assert seconds(FINE) - seconds(STAMP) == pytest.approx(0.4)
