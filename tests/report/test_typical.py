"""Several runs of one experiment, and the one that is typical of them."""

from __future__ import annotations

import pytest

from crashy.report.parity import ComparableRun, comparable, compare
from crashy.report.typical import typical
from tests.report.test_parity import HEALED, kube, later


def runs(*seconds: float) -> list[ComparableRun]:
    """The same run, with what came after the fault so many seconds later."""
    return [comparable(later(HEALED, by, since=6.1)) for by in seconds]


def test_times_are_the_medians() -> None:
    summary = typical(runs(0.9, 0.0, 0.3))

    assert [row.left for row in compare(summary, summary) if row.what == "recover"] == ["4.30s"]
    assert not any(row.differs for row in compare(summary, runs(0.3)[0]))


def test_one_of_one_is_itself() -> None:
    (only,) = runs(0.0)

    assert not any(row.differs for row in compare(typical([only]), only, seconds=0.0, share=0.0))


def test_where_chance_decides_between_two_orders_both_sides_take_the_one_that_both_have() -> None:
    rare = comparable([*HEALED[:-1], kube(12, "Pulled"), HEALED[-1]])
    common = comparable(HEALED)

    alone = typical([rare, common, common])
    beside = typical([rare, common, common], like=rare)

    assert [moment.reason for moment in alone.lanes["pod/a web"]][-1] == "Started"
    assert [moment.reason for moment in beside.lanes["pod/a web"]][-1] == "Pulled"


def test_a_lane_that_most_do_not_have_is_left_out() -> None:
    odd = comparable([*HEALED[:-1], kube(12, "Pulled", "pod/b"), HEALED[-1]])

    assert not any(lane.startswith("pod/b") for lane in typical([odd, *runs(0, 0)]).lanes)
    assert any(lane.startswith("pod/b") for lane in typical([odd, *runs(0, 0)], like=odd).lanes)


def test_what_most_never_came_to_never_came() -> None:
    never = comparable([event for event in HEALED if event.t < 9.5 or event.kind == "experiment"])

    summary = typical([never, never, comparable(HEALED)]).summary

    assert summary.faults[0].recovered is None


def test_no_runs_have_no_typical_one() -> None:
    with pytest.raises(ValueError, match="at least one"):
        typical([])
