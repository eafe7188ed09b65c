import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashy.fields.units import (
    DISTRIBUTION,
    DURATION,
    Fixed,
    Percentiles,
    Uniform,
    format_duration,
    parse_distribution,
    parse_duration,
)
from tests.faults.strategies import DISTRIBUTIONS, SECONDS


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10),
        ("1m30s", 90),
        ("250ms", 0.25),
        ("2h", 7200),
        ("1.5s", 1.5),
        ("0.1ms", 0.0001),
        ("7us", 0.000007),
        ("1s500ms", 1.5),
        ("0.1s0.2s", 0.3),
        ("1.000000499s", 1),
        ("5", 5),
        ("0.3", 0.3),
        (" 10s ", 10),
        (5, 5),
        (2.5, 2.5),
        (0, 0),
        (0.0000004, 0),
    ],
)
def test_a_duration_is_read_as_seconds(text: str | float, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        *("", "s", "10x", "-1", "-1s", "1e3", "1 s", "s1", "1,5s", "1s+", ".5s", "5.", "٣s", "nan", "inf", "1d", "10S"),
        *(True, -1, float("nan"), float("inf"), None, [], {}),
    ],
)
def test_what_is_no_duration_is_reported_what_is(text: object) -> None:
    with pytest.raises(ValueError, match=DURATION):
        parse_duration(text)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.25, "250ms"),
        (0.0001, "0.1ms"),
        (1, "1s"),
        (2.5, "2.5s"),
        (60, "1m"),
        (61.1, "1m1.1s"),
        (90, "1m30s"),
        (3600, "1h"),
        (3661.5, "1h1m1.5s"),
        (86400, "24h"),
    ],
)
def test_a_duration_is_written_for_people(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@given(SECONDS)
def test_a_duration_written_is_read_back(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "distribution"),
    [
        ("300ms", Fixed(0.3)),
        (2, Fixed(2)),
        ("100ms..2s", Uniform(0.1, 2)),
        ("1s..1s", Uniform(1, 1)),
        ("p50=20ms,p90=200ms,p99=2s", Percentiles(((50, 0.02), (90, 0.2), (99, 2)))),
        ("p99.9=1s", Percentiles(((99.9, 1),))),
    ],
)
def test_a_distribution_is_read(text: str | float, distribution: object) -> None:
    assert parse_distribution(text) == distribution


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("soon", DISTRIBUTION),
        ("1s..", DISTRIBUTION),
        ("p50", DISTRIBUTION),
        ("p50=20ms,", DISTRIBUTION),
        ("p50=soon", DISTRIBUTION),
        (True, DISTRIBUTION),
        ("2s..1s", "a range that begins with its shorter end, such as 100ms..2s"),
        ("p90=1s,p50=2s", "percentiles from p0 to p100 that rise"),
        ("p50=2s,p90=1s", "percentiles from p0 to p100 that rise"),
        ("p101=1s", "percentiles from p0 to p100 that rise"),
    ],
)
def test_what_is_no_distribution_is_reported_what_is(text: str | float, allowed: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its text is what is tested
        parse_distribution(text)

    assert str(caught.value).startswith(allowed)


@given(DISTRIBUTIONS)
def test_a_distribution_written_is_read_back(distribution: object) -> None:
    assert parse_distribution(str(distribution)) == distribution


@given(DISTRIBUTIONS, st.integers())
def test_what_is_drawn_lies_between_nothing_and_the_longest(distribution: Fixed, seed: int) -> None:
    rng = random.Random(seed)

    assert all(0 <= distribution.sample(rng) <= distribution.longest for _ in range(20))


def test_percentiles_are_where_they_were_asked_for() -> None:
    distribution = parse_distribution("p50=20ms,p90=200ms,p99=2s")
    rng = random.Random(1)

    drawn = [distribution.sample(rng) for _ in range(20_000)]

    for share, seconds in ((0.5, 0.02), (0.9, 0.2), (0.99, 1.999)):
        assert sum(each < seconds for each in drawn) / len(drawn) == pytest.approx(share, abs=0.01)
