"""A fault of memory: how far it grows, when that kills, and what it isn't let do."""

from __future__ import annotations

import random
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.faults.active import FaultSet
from crashy.faults.base import FaultError, parse_spec
from crashy.faults.effects import Begin, End
from crashy.faults.kinds.memory import MemoryGrowth
from crashy.fields.sizes import Share
from tests.faults.patients import FakePatient

MIB = 1 << 20
SIZES = st.integers(1, 1 << 40)


class Machine(NamedTuple):
    memory_limit: int | None = None
    memory_ceiling: int = 1000 * MIB
    cores: int = 2


def refusal(spec: str, machine: Machine) -> str:
    """Return why a patient on such a machine refuses a fault; empty if it doesn't."""
    faults = FaultSet(lambda: 0.0, random.Random(1), machine=lambda: machine)
    try:
        faults.inject(parse_spec(spec))
    except FaultError as error:
        assert faults.list() == []
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("spec", "machine", "why"),
    [
        ("memory to=300Mi", Machine(), ""),
        ("memory to=1000Mi", Machine(), ""),
        ("memory to=1001Mi", Machine(), "to: '1001Mi': at most 1000Mi here, so that the machine keeps a tenth"),
        ("memory to=1Mi", Machine(memory_ceiling=-5), "to: '1Mi': at most 0 here, so that the machine keeps a tenth"),
        ("memory to=2Gi", Machine(64 * MIB), ""),  # the limit comes first
        ("memory to=2Gi", Machine(1024 * MIB), "to: '2Gi': at most 1000Mi here, so that the machine keeps a tenth"),
        ("memory to=90%", Machine(64 * MIB), ""),
        ("memory", Machine(64 * MIB), ""),
        ("memory to=90%", Machine(), "to: '90%': the container has no memory limit: use a size such as 300Mi"),
        ("memory", Machine(), "to: '100%': the container has no memory limit: use a size such as 300Mi"),
        (
            "memory to=90% routes=/a",
            Machine(),
            "to: '90%': the container has no memory limit: use a size such as 300Mi",
        ),
        ("cpu cores=2", Machine(), ""),
        ("cpu cores=3 share=1%", Machine(), "cores: 3: at most 2 here, as many as the process may use"),
    ],
)
def test_what_is_more_than_there_is_is_refused_before_anything_starts(spec: str, machine: Machine, why: str) -> None:
    assert refusal(spec, machine) == why


@pytest.mark.parametrize("spec", ["freeze", "crash", "error", "latency"])
def test_a_fault_that_needs_nothing_of_the_machine_does_not_look_at_it(spec: str) -> None:
    def machine() -> Machine:
        raise AssertionError

    faults = FaultSet(lambda: 0.0, random.Random(1), machine=machine)

    assert faults.inject(parse_spec(spec)).fault.name == spec


def test_it_lasts_as_long_as_its_fault() -> None:
    patient = FakePatient("memory to=300Mi rate=10Mi after=5s for=10s")
    growth = MemoryGrowth(300 * MIB, 10 * MIB)

    assert [patient.at(5), patient.at(15)] == [[Begin(growth, 15)], [End(growth)]]


@pytest.mark.parametrize(
    ("to", "rate", "limit", "held", "seconds"),
    [
        (300 * MIB, None, None, 0, None),
        (300 * MIB, None, 64 * MIB, 24 * MIB, 0),
        (300 * MIB, 10 * MIB, 64 * MIB, 24 * MIB, 4),
        (50 * MIB, 10 * MIB, 64 * MIB, 24 * MIB, None),
        (64 * MIB, 10 * MIB, 64 * MIB, 24 * MIB, 4),
        (Share(100), 8 * MIB, 64 * MIB, 24 * MIB, 5),
        (Share(99), 8 * MIB, 64 * MIB, 24 * MIB, None),
        (Share(150), None, None, 24 * MIB, None),
        (1, 1, 64 * MIB, 80 * MIB, 0),
    ],
)
def test_a_limit_is_reached_at_the_rate(
    to: int | Share, rate: int | None, limit: int | None, held: int, seconds: float | None
) -> None:
    assert MemoryGrowth(to, rate).kills_after(limit, held) == seconds


@given(to=SIZES, rate=st.none() | SIZES, limit=SIZES, held=SIZES)
def test_it_kills_if_and_only_if_the_size_or_what_is_held_is_no_less_than_the_limit(
    to: int, rate: int | None, limit: int, held: int
) -> None:
    seconds = MemoryGrowth(to, rate).kills_after(limit, held)

    assert (seconds is None) == (max(to, held) < limit)
    assert seconds is None or seconds >= 0
    assert MemoryGrowth(to, rate).kills_after(None, held) is None


@given(to=SIZES, rate=SIZES, limit=SIZES, more=SIZES, held=SIZES)
def test_a_higher_limit_is_reached_no_earlier_and_a_faster_growth_no_later(
    to: int, rate: int, limit: int, more: int, held: int
) -> None:
    seconds = MemoryGrowth(to, rate).kills_after(limit, held)
    higher, faster = MemoryGrowth(to, rate).kills_after(limit + more, held), MemoryGrowth(to, rate + more)

    assert higher is None or (seconds is not None and seconds <= higher)
    if seconds is not None:
        assert (faster.kills_after(limit, held) or 0) <= seconds


@given(percent=st.integers(1, 200), limit=SIZES)
def test_a_share_of_the_limit_kills_from_all_of_it_on(percent: int, limit: int) -> None:
    kills = MemoryGrowth(Share(percent), None).kills_after(limit, 0) is not None

    assert kills == (percent >= 100)
