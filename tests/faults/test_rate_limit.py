"""A token bucket: so many at once, then so many in a time."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.patients import FakePatient


def statuses(patient: FakePatient, *times: float) -> list[int | None]:
    """Ask at these times; return the status that the fault answers, None where it lets a request through."""
    answers = []
    for patient.time in times:
        answers += patient.answers(1)
    return answers


def test_the_bucket_is_full_at_first_and_fills_again() -> None:
    patient = FakePatient("rate-limit requests=2 per=1s")

    assert statuses(patient, 0, 0, 0, 0.4, 0.5, 0.5, 10, 10, 10) == [None, None, 429, 429, None, 429, None, None, 429]


def test_a_burst_is_let_through_once() -> None:
    patient = FakePatient("rate-limit requests=1 per=1s burst=3")

    assert statuses(patient, *[0] * 4, 1, 1, 2.5, 2.5) == [None, None, None, 429, None, 429, None, 429]


@pytest.mark.parametrize(
    ("spec", "asked", "after"),
    [
        ("requests=1 per=1m", 0, "60"),
        ("requests=1 per=1m", 45.5, "15"),
        ("requests=10 per=1s", 0, "1"),
        ("requests=3 per=10s burst=1", 0, "4"),
    ],
)
def test_retry_after_says_when_the_next_is_let_through(spec: str, asked: float, after: str) -> None:
    patient = FakePatient(f"rate-limit {spec}")
    while patient.answers(1) == [None]:
        pass
    patient.time = asked
    response = patient.ask().response

    assert response is not None
    assert dict(response.headers) == {"Retry-After": after}
    patient.time = asked + int(after)
    assert patient.answers(1) == [None]


@given(
    st.integers(1, 20),
    st.floats(0.1, 100),
    st.integers(1, 50),
    st.lists(st.floats(0, 10), min_size=1, max_size=100),
)
def test_never_more_than_the_burst_and_what_has_been_filled(
    requests: int, per: float, burst: int, gaps: list[float]
) -> None:
    patient = FakePatient(f"rate-limit requests={requests} per={per:.3f}s burst={burst}")
    times = [sum(gaps[: count + 1]) for count in range(len(gaps))]
    passed = statuses(patient, *times).count(None)
    filled = (times[-1] - times[0]) * requests / float(f"{per:.3f}")

    assert passed <= math.floor(burst + filled + 1e-6)
    assert passed >= min(len(gaps), burst)


def test_each_injection_has_a_bucket_of_its_own() -> None:
    patient = FakePatient("rate-limit requests=1 per=1h")
    assert patient.answers(2) == [None, 429]

    patient.faults.recover()
    patient.inject("rate-limit requests=1 per=1h")
    assert patient.answers(2) == [None, 429]
