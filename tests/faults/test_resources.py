"""Faults of resources: what they come to, and what is refused before anything starts."""

from __future__ import annotations

import random
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.faults.active import FaultSet
from crashy.faults.base import FaultError, parse_spec
from crashy.faults.kinds.fds import KEPT, MOST, FdLeak
from crashy.fields.sizes import Share

MIB = 1 << 20


class Machine(NamedTuple):
    memory_limit: int | None = None
    memory_ceiling: int = 1000 * MIB
    cores: int = 2
    fds_limit: int = 1024
    threads_limit: int | None = 200
    threads_ceiling: int = 150
    disk_free: int | None = 100 * MIB
    disk_ceiling: int = 90 * MIB


@pytest.mark.parametrize(
    ("spec", "machine", "why"),
    [
        ("fds", Machine(), ""),
        ("fds to=1024", Machine(), ""),
        ("fds to=1025", Machine(), "to: 1025: at most 1024 here, as many as the process may open"),
        ("fds to=65536", Machine(fds_limit=1 << 20), ""),
        ("threads to=150", Machine(), ""),
        ("threads to=151", Machine(), "to: 151: at most 150 here, so that other processes keep a tenth of the limit"),
        ("threads to=75%", Machine(), ""),
        ("threads to=76%", Machine(), "to: 152: at most 150 here, so that other processes keep a tenth of the limit"),
        (
            "threads to=50%",
            Machine(threads_limit=None),
            "to: '50%': the container has no limit of processes: use a number such as 100",
        ),
        (
            "threads to=50%",
            Machine(threads_limit=100_000, threads_ceiling=90_000),
            "to: 50000: at most 10000 here, so that other processes keep a tenth of the limit",
        ),
        (
            "threads to=5000",
            Machine(memory_ceiling=50 * MIB, threads_ceiling=10_000),
            "to: '80000Ki': at most 50Mi here, so that the machine keeps a tenth",
        ),
        ("tasks to=100000", Machine(), ""),
        (
            "tasks to=100000",
            Machine(memory_ceiling=64 * MIB),
            "to: '100000Ki': at most 64Mi here, so that the machine keeps a tenth",
        ),
        ("disk to=90Mi", Machine(), ""),
        ("disk to=90%", Machine(), ""),
        ("disk", Machine(), "to: '100Mi': at most 90Mi here, so that STATE_DIR's filesystem keeps a tenth"),
        (
            "disk to=1Mi",
            Machine(disk_ceiling=-5),
            "to: '1Mi': at most 0 here, so that STATE_DIR's filesystem keeps a tenth",
        ),
        ("disk to=1", Machine(disk_free=None), "disk: writes to STATE_DIR alone, and that is not set"),
    ],
)
def test_what_is_more_than_there_is_is_refused_before_anything_starts(spec: str, machine: Machine, why: str) -> None:
    faults = FaultSet(lambda: 0.0, random.Random(1), machine=lambda: machine)
    refused = ""
    try:
        faults.inject(parse_spec(spec))
    except FaultError as error:
        refused = str(error)

    assert refused == why
    assert len(faults.list()) == (not why)


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        ("fds to=65537", "to: '65537': a number of descriptors from 1 to 65536, or a share such as 50%, at most 100%"),
        ("fds to=101%", "to: '101%': a number of descriptors from 1 to 65536, or a share such as 50%, at most 100%"),
        ("threads to=91%", "to: '91%': a number of threads from 1 to 10000, or a share such as 50%, at most 90%"),
        ("tasks to=50%", "to: '50%': a number of tasks from 1 to 100000"),
        ("disk to=0", "to: '0': a size such as 300Mi, at most 1Ti, or a share such as 50%, at most 100%"),
        ("log-flood rate=100000", "rate: 100000 lines of 200 bytes: at most 41943 a second, which is 8Mi"),
        ("log-flood size=16385", "size: '16385': a number of bytes from 100 to 16384"),
    ],
)
def test_each_has_a_ceiling_of_its_own(spec: str, line: str) -> None:
    with pytest.raises(FaultError) as caught:
        parse_spec(spec)

    assert str(caught.value) == line


@given(limit=st.integers(100, 1 << 20), percent=st.integers(1, 100))
def test_a_share_of_descriptors_is_of_what_the_fault_may_open(limit: int, percent: int) -> None:
    leak = FdLeak(Share(percent), None)

    assert leak.target(limit) <= min(limit, MOST)
    assert leak.exhausts(limit) == (leak.target(limit) > min(limit, MOST) - KEPT)


@pytest.mark.parametrize(("to", "exhausts"), [(1000, False), (1008, False), (1009, True), (1024, True)])
def test_the_last_descriptors_are_those_of_the_admin_api(to: int, exhausts: bool) -> None:
    assert FdLeak(to, None).exhausts(1024) is exhausts
